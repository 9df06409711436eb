#include "vmm/exits/trace/trace_writer.h"

#include <poll.h>

#include <algorithm>

namespace ringside::exits {
namespace {

// Exits are collected for this long before they are written, which limits what is lost if the monitor is
// killed.
constexpr int kFlushMilliseconds = 50;
// The only reason to wake up when no exit comes.
constexpr int kForever = -1;
constexpr std::size_t kBatch = 4096;

}  // namespace

Result<std::unique_ptr<TraceWriter>> TraceWriter::start(const std::filesystem::path& path,
                                                        std::uint32_t vcpus, const RecordingInfo& info,
                                                        const TscClock& clock, TraceBounds bounds) {
    auto segments = TRY(TraceSegments::create(path, info, clock.start(), bounds));
    std::unique_ptr<TraceWriter> writer(new TraceWriter(std::move(segments), vcpus));
    if (writer->wakeup_.fd() < 0)
        return failure("write trace " + path.string(), "no eventfd",
                       "Raise the limit on open files (ulimit -n)");
    writer->thread_ = std::thread([&self = *writer] { self.run(); });
    return writer;
}

TraceWriter::TraceWriter(TraceSegments segments, std::uint32_t vcpus)
    : segments_(std::move(segments)), reported_(vcpus), hardware_reported_(vcpus) {
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
        pollfd event{wakeup_.fd(), POLLIN, 0};
        ::poll(&event, 1, busy || any_pending() ? kFlushMilliseconds : kForever);
        wakeup_.acknowledge();
    }
}

bool TraceWriter::any_pending() const {
    const auto filled = [](const auto& ring) { return !ring->empty(); };
    return std::ranges::any_of(rings_, filled) ||
           (has_hardware_.load(std::memory_order_acquire) && std::ranges::any_of(hardware_rings_, filled));
}

// Returns true if there was anything to write.
bool TraceWriter::write_pending() {
    bool any = write_news();
    const bool hardware = has_hardware_.load(std::memory_order_acquire);
    for (std::uint32_t vcpu = 0; vcpu < rings_.size(); ++vcpu) {
        while (write_exits(vcpu))
            any = true;
        while (hardware && write_hardware_exits(vcpu))
            any = true;
    }
    return any;
}

bool TraceWriter::write_news() {
    std::optional<RecordingInfo> news;
    {
        const std::scoped_lock lock(news_mutex_);
        news.swap(news_);
    }
    if (news && outcome_)
        outcome_ = segments_.append_info(*news);
    return news.has_value();
}

bool TraceWriter::write_exits(std::uint32_t vcpu) {
    const TraceRing::Batch batch = rings_[vcpu]->drain(kBatch);
    const TraceLosses losses{batch.dropped, 0, 0};
    if (batch.exits.empty() && losses == reported_[vcpu])
        return false;
    reported_[vcpu] = losses;
    if (outcome_)
        outcome_ = segments_.append_exits(vcpu, batch.first, losses, batch.exits);
    return true;
}

bool TraceWriter::write_hardware_exits(std::uint32_t vcpu) {
    HardwareTraceRing& ring = *hardware_rings_[vcpu];
    const HardwareTraceRing::Batch batch = ring.drain(kBatch);
    const TraceLosses losses{batch.dropped, ring.lost.get(), ring.unpaired.get()};
    if (batch.exits.empty() && losses == hardware_reported_[vcpu])
        return false;
    hardware_reported_[vcpu] = losses;
    if (outcome_)
        outcome_ = segments_.append_hardware_exits(vcpu, batch.first, losses, batch.exits);
    return true;
}

void TraceWriter::add_hardware_rings() {
    for (std::size_t i = 0; i < rings_.size(); ++i)
        hardware_rings_.push_back(std::make_unique<HardwareTraceRing>(wakeup_));
    has_hardware_.store(true, std::memory_order_release);
}

void TraceWriter::update(RecordingInfo info) {
    {
        const std::scoped_lock lock(news_mutex_);
        news_ = std::move(info);
    }
    wakeup_.wake();
}

}  // namespace ringside::exits
