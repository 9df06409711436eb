#include "guests/lib/task_state.h"

#include "guests/lib/segments.h"

extern "C" uint64_t gdt_task_state[2];

namespace guest {
namespace {

constexpr uint64_t kAvailableTaskState = 0x89;

struct [[gnu::packed]] TaskState {
    uint32_t reserved0;
    uint64_t stack_pointers[3];
    uint64_t reserved1;
    uint64_t interrupt_stacks[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map_offset;
};
static_assert(sizeof(TaskState) == 104);

TaskState task_state;

}  // namespace

void load_task_state(uint64_t interrupt_stack) {
    task_state.stack_pointers[0] = interrupt_stack;
    task_state.io_map_offset = sizeof task_state;
    const uint64_t base = task_state_address();
    gdt_task_state[0] = (sizeof task_state - 1) | (base & 0xffffff) << 16 | kAvailableTaskState << 40 |
                        (base >> 24 & 0xff) << 56;
    gdt_task_state[1] = base >> 32;
    asm volatile("ltr %0" : : "r"(static_cast<uint16_t>(TASK_STATE)));
}

uint64_t task_state_address() {
    return reinterpret_cast<uint64_t>(&task_state);
}

}  // namespace guest
