// The kernel's log: printk's ring of records (kernel/printk/printk_ringbuffer.h, Linux 5.10 and later).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/debug/linux/kernel/linux_kernel.h"

namespace ringside::debug {

struct LogRecord {
    std::uint64_t sequence = 0;
    std::uint64_t nanoseconds = 0;
    std::optional<unsigned> level;  // 0 is the most urgent; unknown without BTF
    std::string text;               // as the kernel wrote it: one line or several
};

struct KernelLog {
    std::vector<LogRecord> records;
    std::size_t unreadable = 0;  // records that are being written, or are invalid
    bool cut = false;            // there is more text than any log has
};

Result<KernelLog> read_log(const LinuxKernel& kernel);

// In dmesg's format: each line with the record's time.
std::string log_text(const KernelLog& log);

}  // namespace ringside::debug
