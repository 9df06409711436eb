// demo64: a small kernel in C++, in long mode, with something of everything that a debugger shows well.
//
// Four tasks take turns. A producer puts squares into a ring buffer, a consumer takes them out every third
// round, an indexer grows a binary tree, and a toucher writes to memory that the page-fault handler maps at
// the first touch. A 100 Hz timer interrupt paces the rounds; in between, the CPU sleeps in HLT. The same
// rounds give the same lines.
//
// Call chain:  guest_main -> run_scheduler -> (switch_context) -> task_main -> step -> produce, drain,
// insert, ...
//
// To see:      bt, p *task, p task->flags, p queue, p *tree_root, p *task_list->next, watch rounds_done,
//              break mix if value == 25, break on_page_fault, break on_timer_interrupt and then bt
//
// Command line (PVH):
//   rounds=N   end after N rounds; for ever without it
//   end=exit   then leave through the debug-exit port with 0x10 (the default), or by
//   end=reset | end=panic | end=triple | end=halt | end=spin, or by
//   end=button: wait for ACPI's power button, and power off

#include "guests/demo64/paging.h"
#include "guests/demo64/scheduler.h"
#include "guests/lib/boot_info.h"
#include "guests/lib/command_line.h"
#include "guests/lib/console.h"
#include "guests/lib/cpu.h"
#include "guests/lib/exit.h"
#include "guests/lib/interrupts.h"
#include "guests/lib/power_button.h"
#include "guests/lib/timer.h"

constexpr unsigned kTimerHertz = 100;

static Task producer, consumer, indexer, toucher;

// As Linux with panic=-1: it tells the VMM, then it resets.
static void panic() {
    guest::print("panic\n");
    guest::report_panic();
    guest::reset_by_keyboard_controller();
}

static void await_power_button() {
    guest::listen_to_power_button();
    guest::print("waiting for the power button\n");
    while (guest::power_button_presses == 0)
        guest::wait_for_interrupt();
    guest::print("the power button was pressed\n");
    guest::power_off();
}

static void end(const guest::CommandLine& options) {
    guest::print("done\n");
    if (options.has("end", "reset"))
        guest::reset_by_keyboard_controller();
    if (options.has("end", "button"))
        await_power_button();
    if (options.has("end", "panic"))
        panic();
    if (options.has("end", "triple"))
        guest::triple_fault();
    if (options.has("end", "halt"))
        guest::halt_forever();
    if (options.has("end", "spin"))
        guest::spin_forever();
    guest::debug_exit(guest::kPassed);
}

extern "C" void guest_main(const guest::HvmStartInfo& info) {
    const guest::CommandLine options(guest::command_line_of(info));
    guest::print("demo64: four tasks in long mode\n");

    guest::initialise_interrupts();
    initialise_demand_paging();
    guest::start_timer(kTimerHertz);

    create_task(producer, "producer", TaskKind::Producer, 1);
    create_task(consumer, "consumer", TaskKind::Consumer, 2);
    create_task(indexer, "indexer", TaskKind::Indexer, 3);
    create_task(toucher, "toucher", TaskKind::Toucher, 4);

    run_scheduler(options.number("rounds", 0));
    end(options);
}
