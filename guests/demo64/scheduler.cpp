#include "guests/demo64/scheduler.h"

#include "guests/demo64/work.h"
#include "guests/lib/cpu.h"
#include "guests/lib/timer.h"

Task* task_list;
Task* current_task;
volatile unsigned long rounds_done;

struct Stack {
    alignas(16) uint8_t bytes[4096];
};
static Stack stacks[kMaximumTasks];
static void* scheduler_stack_pointer;
static unsigned task_count;

// What switch_context() (switch.S) pops from a stack that it switches to.
struct SavedContext {
    uint64_t r15, r14, r13, r12, rbx, rbp;
    uint64_t return_address;
};

extern "C" void switch_context(void** save_stack_pointer, void* next_stack_pointer);
extern "C" void task_entry();  // calls task_main() with the task in RBX

static void run_task(Task& task) {
    task.state = TaskState::Running;
    current_task = &task;
    switch_context(&scheduler_stack_pointer, task.stack_pointer);
    current_task = nullptr;
}

static void leave_task(TaskState state) {
    Task& task = *current_task;
    task.state = state;
    switch_context(&task.stack_pointer, scheduler_stack_pointer);
}

static void wake_sleepers() {
    for (Task* task = task_list; task != nullptr; task = task->next)
        if (task->state == TaskState::Sleeping && task->wake_round <= rounds_done)
            task->state = TaskState::Ready;
}

static void wait_for_next_tick() {
    for (const unsigned long now = guest::ticks; guest::ticks == now;)
        guest::wait_for_interrupt();
}

void create_task(Task& task, const char* name, TaskKind kind, unsigned priority) {
    task.name = name;
    task.id = ++task_count;
    task.kind = kind;
    task.state = TaskState::Ready;
    task.flags.priority = priority & 7;

    auto* context = reinterpret_cast<SavedContext*>(&stacks[task.id - 1] + 1) - 1;
    *context = SavedContext{};
    context->rbx = reinterpret_cast<uint64_t>(&task);
    context->return_address = reinterpret_cast<uint64_t>(&task_entry);
    task.stack_pointer = context;

    Task** end = &task_list;
    while (*end != nullptr)
        end = &(*end)->next;
    *end = &task;
}

void run_scheduler(unsigned long rounds) {
    while (rounds == 0 || rounds_done < rounds) {
        wake_sleepers();
        for (Task* task = task_list; task != nullptr; task = task->next)
            if (task->state == TaskState::Ready)
                run_task(*task);
        rounds_done = rounds_done + 1;
        report_round(rounds_done);
        wait_for_next_tick();
    }
}

void yield() {
    leave_task(TaskState::Ready);
}

void sleep_for(unsigned long rounds) {
    current_task->wake_round = rounds_done + rounds;
    current_task->flags.has_slept = 1;
    leave_task(TaskState::Sleeping);
}

extern "C" void task_main(Task* task) {
    for (;;) {
        const unsigned long turns_off = step(task, task->steps);
        ++task->steps;
        if (turns_off > 0)
            sleep_for(turns_off);
        else
            yield();
    }
}
