// The kernel's linked lists (struct list_head), which a guest can make lead anywhere.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/debug/linux/kernel/linux_kernel.h"

namespace ringside::debug {

struct KernelList {
    std::vector<std::uint64_t> entries;  // addresses of the structures that contain the links
    std::string incomplete;              // a sentence if the list does not end properly, otherwise empty
};

// The entries of the list that `head` begins, without the head. `member` is the offset of the links in an entry. Follows at most
// `most`.
KernelList read_list(const LinuxKernel& kernel, std::uint64_t head, std::uint64_t member, std::size_t most);

}  // namespace ringside::debug
