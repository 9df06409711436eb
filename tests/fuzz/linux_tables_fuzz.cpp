// The tables of a Linux kernel in memory that a guest has filled with arbitrary bytes: symbols, types, and all that is read by
// them.
#include <cstdint>
#include <cstring>
#include <memory>

#include "tests/unit/vmm/debug/linux/fake_kernel.h"
#include "vmm/debug/linux/kernel/files.h"
#include "vmm/debug/linux/kernel/log.h"
#include "vmm/debug/linux/kernel/modules.h"
#include "vmm/debug/linux/kernel/stack.h"
#include "vmm/debug/linux/kernel/tasks.h"

namespace {

using namespace ringside::debug;
using ringside::debug::testing::FakeMemory;

constexpr std::size_t kMostTasks = 16;  // that are examined further

void look_at(const LinuxKernel& kernel, const LinuxTask& task) {
    (void)read_files(kernel, task);
    if (const auto start = switched_out(kernel, task))
        (void)unwind(kernel, *start);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static FakeMemory memory;
    memory.end = std::min(size, memory.bytes.size());
    std::memcpy(memory.bytes.data(), data, memory.end);
    auto tables = read_kernel_tables(memory.memory(), testing::vmcoreinfo());
    if (!tables)
        return 0;
    const LinuxKernel kernel(memory.memory(), std::make_shared<const KernelTables>(std::move(*tables)));
    if (const auto log = read_log(kernel))
        (void)log_text(*log);
    (void)read_modules(kernel);
    (void)read_tasks(kernel, false);
    if (const auto found = read_tasks(kernel, true)) {
        for (std::size_t i = 0; i < std::min(kMostTasks, found->tasks.size()); ++i)
            look_at(kernel, found->tasks[i]);
    }
    return 0;
}
