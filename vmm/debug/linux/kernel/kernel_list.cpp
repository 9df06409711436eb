#include "vmm/debug/linux/kernel/kernel_list.h"

#include <unordered_set>

#include <fmt/format.h>

namespace ringside::debug {

KernelList read_list(const LinuxKernel& kernel, std::uint64_t head, std::uint64_t member, std::size_t most) {
    KernelList list;
    std::unordered_set<std::uint64_t> seen{head};
    for (std::uint64_t at = head;;) {
        const auto next = kernel.memory().pointer(at);
        if (!next)
            list.incomplete = fmt::format("The list cannot be followed beyond 0x{:x}.", at);
        else if (*next == head)
            return list;
        else if (!seen.insert(*next).second)
            list.incomplete = fmt::format("The list goes in a circle at 0x{:x}.", *next);
        else if (list.entries.size() == most)
            list.incomplete = fmt::format("The list has more than the {} entries that are shown.", most);
        if (!list.incomplete.empty())
            return list;
        at = *next;
        list.entries.push_back(at - member);
    }
}

}  // namespace ringside::debug
