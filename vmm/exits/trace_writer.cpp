#include "vmm/exits/trace_writer.h"

#include <poll.h>

#include <algorithm>

namespace ringside::exits {
namespace {

// While exits come, they are collected for this long before they are written: what a killed monitor loses.
constexpr int kFlushMilliseconds = 50;
// Wakes up for nothing else when no exit comes.
constexpr int kForever = -1;
constexpr std::size_t kBatch = 4096;

}  // namespace

Result<std::unique_ptr<TraceWriter>> TraceWriter::start(const std::filesystem::path& path,
                                                        std::uint32_t vcpus, RecordingInfo info,
                                                        const TscClock& clock, TraceBounds bounds) {
    auto segments = TraceSegments::create(path, info, clock.start(), bounds);
    if (!segments)
        return tl::unexpected<Error>(segments.error());
    std::unique_ptr<TraceWriter> writer(new TraceWriter(std::move(*segments), vcpus));
    if (writer->wakeup_.fd() < 0)
        return failure("write trace " + path.string(), "no eventfd",
                       "Raise the limit on open files (ulimit -n)");
    writer->thread_ = std::thread([&self = *writer] { self.run(); });
    return writer;
}

TraceWriter::TraceWriter(TraceSegments segments, std::uint32_t vcpus)
    : segments_(std::move(segments)), reported_drops_(vcpus) {
    for (std::uint32_t i = 0; i < vcpus; ++i)
        rings_.push_back(std::make_unique<TraceRing>(wakeup_));
}

TraceWriter::~TraceWriter() {
    [[maybe_unused]] const Result<void> ignored = finish();
}

Result<void> TraceWriter::finish() {
    if (thread_.joinable()) {
        stop_.store(true, std::memory_order_release);
        wakeup_.wake();
        thread_.join();
    }
    return outcome_;
}

void TraceWriter::run() {
    for (;;) {
        const bool stopping = stop_.load(std::memory_order_acquire);
        const bool busy = write_pending();
        if (stopping) {
            if (outcome_)
                outcome_ = segments_.append_end();
            return;
        }
        if (!busy)
            wakeup_.announce_sleep();
        const bool pending =
            std::any_of(rings_.begin(), rings_.end(), [](const auto& ring) { return !ring->empty(); });
        pollfd event{wakeup_.fd(), POLLIN, 0};
        ::poll(&event, 1, busy || pending ? kFlushMilliseconds : kForever);
        wakeup_.acknowledge();
    }
}

// Returns whether there was anything to write.
bool TraceWriter::write_pending() {
    bool any = false;
    for (std::uint32_t vcpu = 0; vcpu < rings_.size(); ++vcpu) {
        for (;;) {
            const TraceRing::Batch batch = rings_[vcpu]->drain(kBatch);
            if (batch.exits.empty() && batch.dropped == reported_drops_[vcpu])
                break;
            any = true;
            reported_drops_[vcpu] = batch.dropped;
            if (outcome_)
                outcome_ = segments_.append_exits(vcpu, batch.first, batch.dropped, batch.exits);
        }
    }
    return any;
}

}  // namespace ringside::exits
