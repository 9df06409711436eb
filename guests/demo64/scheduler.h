// Tasks and a cooperative round-robin scheduler.
#pragma once

#include <stdint.h>

enum class TaskState : uint8_t { Ready, Running, Sleeping };
enum class TaskKind : uint8_t { Producer, Consumer, Indexer, Toucher };

struct TaskFlags {
    unsigned priority : 3;
    unsigned pinned : 1;
    unsigned has_slept : 1;
    unsigned : 3;
};

struct Task {
    const char* name;
    unsigned id;
    TaskKind kind;
    TaskState state;
    TaskFlags flags;
    unsigned long steps;       // how often step() ran for this task
    unsigned long wake_round;  // while Sleeping: the round in which it becomes Ready again
    void* stack_pointer;       // while not Running
    Task* next;                // in the order in which they were created
};

extern Task* task_list;
extern Task* current_task;  // null while the scheduler itself runs
extern volatile unsigned long rounds_done;

inline constexpr unsigned kMaximumTasks = 4;

// Puts a task at the end of the list. It starts in task_main() when its turn comes.
void create_task(Task& task, const char* name, TaskKind kind, unsigned priority);

// Gives every ready task one turn, then waits for the next timer tick; `rounds` times, or for ever if 0.
void run_scheduler(unsigned long rounds);

// Called by tasks: give the CPU back until the next round, or until `rounds` rounds have passed.
void yield();
void sleep_for(unsigned long rounds);

// The body of every task.
extern "C" [[noreturn]] void task_main(Task* task);
