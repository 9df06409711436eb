// worker NAME: a process of a Linux guest that does its work over and over, for a debugger to stop it there.
#include <unistd.h>

// Names that a debugger finds from anywhere, and that no kernel has.
extern "C" {
volatile char worker_name;        // the first letter of NAME: every process has its own
volatile unsigned worker_rounds;  // how often it has worked

void worker_work() {
    worker_rounds = worker_rounds + 1;
}
}

int main(int argc, char** argv) {
    constexpr useconds_t kPause = 20'000;
    worker_name = argc > 1 ? argv[1][0] : '?';
    for (;;) {
        worker_work();
        ::usleep(kPause);
    }
}
