#include "vmm/machine/kick_timer.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "vmm/machine/vcpu_thread.h"

namespace ringside::machine {

Result<KickTimer> KickTimer::create() {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = VcpuThread::kick_signal();
    event._sigev_un._tid = static_cast<pid_t>(::syscall(SYS_gettid));  // glibc 2.36 has no other name for it
    timer_t timer{};
    if (::timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
        return tl::unexpected<Error>(Error{"timer_create", "", errno, {}, {}});
    return KickTimer(timer);
}

KickTimer::~KickTimer() {
    if (exists_)
        ::timer_delete(timer_);
}

void KickTimer::set(std::chrono::microseconds period) {
    itimerspec times{};
    times.it_interval.tv_sec = static_cast<time_t>(period.count() / 1'000'000);
    times.it_interval.tv_nsec = static_cast<long>(period.count() % 1'000'000 * 1000);
    times.it_value = times.it_interval;
    ::timer_settime(timer_, 0, &times, nullptr);
}

}  // namespace ringside::machine
