// Waking the application processors.
#pragma once

// CPUs that are awake, the boot processor included.
extern "C" volatile unsigned cpus_online;

// Sends INIT and SIPI to all other CPUs and waits until `expected` are awake or, if `expected` is 0, until no
// further CPU has arrived for a while. Each runs ap_main(index). The timer must be running, with interrupts
// on.
void start_application_processors(unsigned expected);

extern "C" [[noreturn]] void ap_main(unsigned index);
