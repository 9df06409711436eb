#include "vmm/exits/hardware/hardware_tracer.h"

#include <fmt/format.h>
#include <poll.h>

#include <deque>

#include "vmm/exits/hardware/tracefs.h"

namespace ringside::exits {

namespace {

// While a trace is written, the rings are drained at least this often, which limits what is lost if the
// monitor is killed. (A wake-up for each event would cost the guest more than the event itself.)
constexpr int kTraceMilliseconds = 50;
constexpr int kForever = -1;

}  // namespace

struct HardwareTracer::Vcpu {
    Vcpu(PerfRing perf, const KvmTracepoints& tracepoints) : ring(std::move(perf)), decoder(tracepoints) {}
    PerfRing ring;
    HardwareExitDecoder decoder;
    VcpuRecorder recorder;
    std::unique_ptr<VcpuRecorder> inner_by_kvm, inner_by_hypervisor;  // made when L2 first leaves
    std::deque<HardwareRecord> recent;
    std::uint64_t lost = 0;
    std::uint64_t lost_before_reset = 0;
    std::uint64_t unpaired_before_reset = 0;
    HardwareTraceRing* trace = nullptr;

    void record(const LevelledExit& exit) {
        recorder.record(exit.hardware.record);
        if (exit.level == ExitLevel::L1)
            return;
        auto& inner = exit.level == ExitLevel::L2ByKvm ? inner_by_kvm : inner_by_hypervisor;
        if (!inner)
            inner = std::make_unique<VcpuRecorder>();
        inner->record(exit.hardware.record);
    }

    void tell_trace_losses() const {
        trace->lost.set(lost);
        trace->unpaired.set(decoder.unpaired());
    }
};

Result<std::unique_ptr<HardwareTracer>> HardwareTracer::start(std::span<const pid_t> threads,
                                                              const std::filesystem::path& tracefs) {
    auto exit = TRY(load_kvm_tracepoint(tracefs, "kvm_exit"));
    auto entry = TRY(load_kvm_tracepoint(tracefs, "kvm_entry"));
    KvmTracepoints tracepoints{std::move(exit), std::move(entry), {}};
    std::vector<std::uint32_t> ids = {tracepoints.exit.id, tracepoints.entry.id};
    for (const char* event : kDetailTracepoints)
        if (auto detail = load_kvm_tracepoint(tracefs, event)) {
            ids.push_back(detail->id);
            tracepoints.details.push_back(std::move(*detail));
        }
    std::vector<PerfRing> rings;
    for (const pid_t thread : threads) {
        auto ring = TRY(PerfRing::open(thread, ids, kRingPages));
        rings.push_back(std::move(ring));
    }
    std::unique_ptr<HardwareTracer> tracer(new HardwareTracer(std::move(tracepoints), std::move(rings)));
    tracer->thread_ = std::thread([&self = *tracer] { self.run(); });
    return tracer;
}

HardwareTracer::HardwareTracer(KvmTracepoints tracepoints, std::vector<PerfRing> rings)
    : tracepoints_(std::move(tracepoints)) {
    for (PerfRing& ring : rings)
        vcpus_.push_back(std::make_unique<Vcpu>(std::move(ring), tracepoints_));
}

HardwareTracer::~HardwareTracer() {
    stop_.store(true, std::memory_order_release);
    stop_wakeup_.wake();
    if (thread_.joinable())
        thread_.join();
}

void HardwareTracer::run() {
    std::vector<pollfd> events = {{stop_wakeup_.fd(), POLLIN, 0}};
    for (const auto& vcpu : vcpus_)
        events.push_back({vcpu->ring.fd(), POLLIN, 0});
    for (;;) {
        ::poll(events.data(), events.size(), patience());
        stop_wakeup_.acknowledge();  // before draining, so that no later wake-up is lost
        if (stop_.load(std::memory_order_acquire))
            return;
        const std::scoped_lock lock(mutex_);
        for (std::size_t i = 0; i < vcpus_.size(); ++i) {
            drain(*vcpus_[i]);
            // The event of a thread that has ended stays in POLLHUP: poll() would return at once forever.
            if ((events[i + 1].revents & (POLLHUP | POLLERR)) != 0)
                events[i + 1].fd = -1;
        }
    }
}

int HardwareTracer::patience() {
    const std::scoped_lock lock(mutex_);
    return std::ranges::any_of(vcpus_, [](const auto& vcpu) { return vcpu->trace != nullptr; })
               ? kTraceMilliseconds
               : kForever;
}

void HardwareTracer::drain(Vcpu& vcpu) {
    vcpu.ring.drain(
        [&vcpu](std::span<const std::byte> raw, std::uint64_t time) {
            const auto exit = vcpu.decoder.decode(raw, time);
            if (!exit)
                return;
            vcpu.record(*exit);
            if (vcpu.trace != nullptr)
                vcpu.trace->push(exit->hardware);
            vcpu.recent.push_back(exit->hardware);
            if (vcpu.recent.size() > kRecent)
                vcpu.recent.pop_front();
        },
        [&vcpu](std::uint64_t records) {
            vcpu.lost += records;
            vcpu.decoder.forget();
        });
    if (vcpu.trace != nullptr)
        vcpu.tell_trace_losses();
}

void HardwareTracer::trace_to(std::vector<HardwareTraceRing*> rings) {
    {
        const std::scoped_lock lock(mutex_);
        for (std::size_t i = 0; i < vcpus_.size(); ++i)
            vcpus_[i]->trace = rings.at(i);
    }
    stop_wakeup_.wake();  // the draining thread now also wakes up on its own
}

void HardwareTracer::finish_trace() {
    const std::scoped_lock lock(mutex_);
    for (const auto& vcpu : vcpus_) {
        drain(*vcpu);
        if (vcpu->trace == nullptr)
            continue;
        vcpu->decoder.forget();
        vcpu->tell_trace_losses();
        vcpu->trace = nullptr;
    }
}

HardwareStatistics HardwareTracer::snapshot(VcpuIndex index) {
    const std::scoped_lock lock(mutex_);
    Vcpu& vcpu = *vcpus_[index.value];
    drain(vcpu);
    HardwareStatistics result;
    result.statistics = vcpu.recorder.snapshot(0);
    for (const HardwareRecord& exit : vcpu.recent) {
        result.statistics.recent.push_back(exit.record);
        result.exits.push_back(exit.exit);
    }
    result.lost = vcpu.lost - vcpu.lost_before_reset;
    result.unpaired = vcpu.decoder.unpaired() - vcpu.unpaired_before_reset;
    return result;
}

InnerStatistics HardwareTracer::inner_snapshot(VcpuIndex index) {
    const std::scoped_lock lock(mutex_);
    Vcpu& vcpu = *vcpus_[index.value];
    drain(vcpu);
    InnerStatistics result;
    if (vcpu.inner_by_kvm)
        result.by_kvm = vcpu.inner_by_kvm->snapshot(0);
    if (vcpu.inner_by_hypervisor)
        result.by_hypervisor = vcpu.inner_by_hypervisor->snapshot(0);
    result.events = vcpu.decoder.hypervisor();
    return result;
}

std::optional<HardwareTracer::Pending> HardwareTracer::pending(VcpuIndex index) {
    const std::scoped_lock lock(mutex_);
    Vcpu& vcpu = *vcpus_[index.value];
    drain(vcpu);
    if (!vcpu.decoder.pending())
        return std::nullopt;
    return Pending{*vcpu.decoder.pending(), vcpu.decoder.entry_failure(), vcpu.decoder.made()};
}

void HardwareTracer::enable(bool on) {
    const std::scoped_lock lock(mutex_);
    for (const auto& vcpu : vcpus_) {
        drain(*vcpu);
        vcpu->decoder.forget();
        vcpu->ring.enable(on);
    }
}

void HardwareTracer::reset() {
    const std::scoped_lock lock(mutex_);
    for (const auto& vcpu : vcpus_) {
        drain(*vcpu);
        vcpu->recorder.reset();
        vcpu->recent.clear();
        vcpu->inner_by_kvm.reset();
        vcpu->inner_by_hypervisor.reset();
        vcpu->decoder.reset_hypervisor();
        vcpu->lost_before_reset = vcpu->lost;
        vcpu->unpaired_before_reset = vcpu->decoder.unpaired();
    }
}

}  // namespace ringside::exits
