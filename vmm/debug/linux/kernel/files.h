// The files that a task of a Linux kernel has open.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/debug/linux/kernel/tasks.h"

namespace ringside::debug {

struct LinuxFile {
    std::uint64_t descriptor = 0;
    std::uint64_t structure = 0;  // the address of its struct file
    std::uint64_t flags = 0;      // O_RDWR and so on
    std::uint64_t position = 0;
    std::string
        name;  // as the links in /proc/PID/fd: a path, "pipe:[INODE]", "socket:[INODE]", "anon_inode:NAME"
};

struct LinuxFiles {
    std::vector<LinuxFile> files;
    std::string incomplete;  // a sentence if there may be more, otherwise empty
};

Result<LinuxFiles> read_files(const LinuxKernel& kernel, const LinuxTask& task);

}  // namespace ringside::debug
