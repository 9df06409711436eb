#include "vmm/exits/hardware/perf_event.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "vmm/base/bytes.h"

namespace ringside::exits {
namespace {

constexpr const char* kOpenEvent = "perf_event_open";

perf_event_attr tracepoint_attributes(std::uint32_t tracepoint) {
    perf_event_attr attributes{};
    attributes.type = PERF_TYPE_TRACEPOINT;
    attributes.size = sizeof attributes;
    attributes.config = tracepoint;
    attributes.sample_period = 1;
    return attributes;
}

Result<Fd> open_event(perf_event_attr& attributes, pid_t thread) {
    const long fd = ::syscall(SYS_perf_event_open, &attributes, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd >= 0)
        return Fd(static_cast<int>(fd));
    const int code = errno;
    if (code == EACCES || code == EPERM)
        return errno_failure(kOpenEvent, code,
                             "Tracepoints need root, CAP_PERFMON or kernel.perf_event_paranoid = -1");
    if (code == EINVAL && attributes.sigtrap != 0)
        return errno_failure(kOpenEvent, code, "Signals from tracepoints need Linux 5.13 or newer");
    return errno_failure(kOpenEvent, code);
}

// The ring's bytes from `position`, which wrap at its end.
void copy_from_ring(const std::byte* data, std::size_t size, std::uint64_t position,
                    std::span<std::byte> out) {
    const auto start = static_cast<std::size_t>(position % size);
    const std::size_t first = std::min(out.size(), size - start);
    std::memcpy(out.data(), data + start, first);
    std::memcpy(out.data() + first, data, out.size() - first);
}

// PERF_RECORD_SAMPLE with PERF_SAMPLE_TIME | PERF_SAMPLE_RAW: header, u64 time, u32 size, bytes.
void take_sample(std::span<const std::byte> record, const PerfRing::OnSample& on_sample) {
    constexpr std::size_t kTime = sizeof(perf_event_header);
    const auto time = load_at<std::uint64_t>(record, kTime);
    const auto size = load_at<std::uint32_t>(record, kTime + 8);
    if (!time || !size)
        return;
    if (const auto raw = slice(record, kTime + 12, *size))
        on_sample(*raw, *time);
}

}  // namespace

Result<PerfRing> PerfRing::open(pid_t thread, std::span<const std::uint32_t> tracepoints, std::size_t pages) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t size = pages * page;
    std::vector<Fd> events;
    Mapping mapping;
    for (const std::uint32_t tracepoint : tracepoints) {
        perf_event_attr attributes = tracepoint_attributes(tracepoint);
        attributes.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW;
        attributes.use_clockid = 1;
        attributes.clockid = CLOCK_MONOTONIC_RAW;
        attributes.watermark = 1;
        attributes.wakeup_watermark = static_cast<std::uint32_t>(size / 4);
        auto event = TRY(open_event(attributes, thread));
        if (events.empty()) {
            void* address = ::mmap(nullptr, page + size, PROT_READ | PROT_WRITE, MAP_SHARED, event.get(), 0);
            if (address == MAP_FAILED)
                return errno_failure("map the perf ring", errno, "Raise kernel.perf_event_mlock_kb");
            mapping = Mapping(address, page + size);
        } else if (::ioctl(event.get(), PERF_EVENT_IOC_SET_OUTPUT, events.front().get()) != 0) {
            return errno_failure("PERF_EVENT_IOC_SET_OUTPUT", errno);
        }
        events.push_back(std::move(event));
    }
    if (events.empty())
        return failure(kOpenEvent, "no tracepoint was named");
    return PerfRing(std::move(events), std::move(mapping), size);
}

// The two requests cannot fail on an event of the caller's.
void PerfRing::enable(bool on) const {
    for (const Fd& event : events_)
        (void)::ioctl(event.get(), on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

void PerfRing::drain(const OnSample& on_sample, const OnLost& on_lost) {
    auto* control = static_cast<perf_event_mmap_page*>(mapping_.get());
    const auto* data = static_cast<const std::byte*>(mapping_.get()) + (mapping_.size() - size_);
    // The kernel's protocol: what lies before data_head may be read once data_head was (linux/perf_event.h).
    const std::uint64_t head = std::atomic_ref(control->data_head).load(std::memory_order_acquire);
    std::uint64_t tail = control->data_tail;
    while (tail < head) {
        perf_event_header header{};
        copy_from_ring(data, size_, tail, std::as_writable_bytes(std::span(&header, 1)));
        if (header.size < sizeof header || header.size > head - tail)
            break;
        record_.resize(header.size);
        copy_from_ring(data, size_, tail, record_);
        if (header.type == PERF_RECORD_SAMPLE)
            take_sample(record_, on_sample);
        else if (header.type == PERF_RECORD_LOST)
            on_lost(load_at<std::uint64_t>(record_, sizeof header + 8).value_or(0));
        tail += header.size;
    }
    std::atomic_ref(control->data_tail).store(head, std::memory_order_release);
}

Result<HardwareCatch> HardwareCatch::arm(pid_t thread, std::uint32_t tracepoint, const std::string& filter,
                                         std::uint64_t cookie) {
    perf_event_attr attributes = tracepoint_attributes(tracepoint);
    attributes.sigtrap = 1;
    attributes.remove_on_exec =
        1;  // the kernel requires it: a signal that a new program does not expect would kill it
    attributes.sig_data = cookie;
    attributes.disabled = 1;
    auto event = TRY(open_event(attributes, thread));
    if (!filter.empty() && ::ioctl(event.get(), PERF_EVENT_IOC_SET_FILTER, filter.c_str()) != 0)
        return errno_failure("set the tracepoint's filter to " + filter, errno);
    HardwareCatch armed(std::move(event), thread);
    TRY(armed.enable(true));
    return armed;
}

Result<void> HardwareCatch::enable(bool on) const {
    if (::ioctl(event_.get(), on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0) != 0)
        return errno_failure(on ? "PERF_EVENT_IOC_ENABLE" : "PERF_EVENT_IOC_DISABLE", errno);
    return {};
}

bool HardwareCatch::fired() {
    std::uint64_t count = 0;
    if (::read(event_.get(), &count, sizeof count) != static_cast<ssize_t>(sizeof count))
        return false;
    return std::exchange(seen_, count) != count;
}

std::optional<std::uint64_t> caught_cookie(const siginfo_t& info) {
    // From asm-generic/siginfo.h, which cannot be included beside glibc's header: TRAP_PERF, and si_perf_data
    // behind si_addr.
    constexpr int kTrapPerf = 6;
    constexpr std::size_t kPerfData = 24;
    if (info.si_signo != SIGTRAP || info.si_code != kTrapPerf)
        return std::nullopt;
    return load_at<std::uint64_t>(std::as_bytes(std::span(&info, 1)), kPerfData);
}

}  // namespace ringside::exits
