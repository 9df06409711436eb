#include "vmm/debug/exit_trace.h"

#include "vmm/exits/trace_reader.h"

namespace ringside::debug {

Result<std::unique_ptr<ExitTrace>> ExitTrace::start(ExitMonitor& monitor,
                                                    std::vector<std::filesystem::path> files) {
    std::filesystem::path recording;
    std::vector<exits::Export> exports;
    for (std::filesystem::path& file : files) {
        if (const auto format = exits::export_format_of(file))
            exports.push_back({*format, std::move(file)});
        else if (recording.empty())
            recording = std::move(file);
        else
            return failure("record exits to " + file.string(),
                           "the recording already goes to " + recording.string(),
                           "Let one of the names end in .json, .csv or .html");
    }
    const bool keep = !recording.empty();
    if (!keep) {
        recording = exports.front().path;
        recording += ".recording";
    }
    auto writer =
        exits::TraceWriter::start(recording, monitor.vcpu_count(), monitor.recording_info(), monitor.clock());
    if (!writer)
        return tl::unexpected<Error>(writer.error());
    std::unique_ptr<ExitTrace> trace(
        new ExitTrace(monitor, std::move(recording), std::move(exports), std::move(*writer)));
    trace->keep_recording_ = keep;
    return trace;
}

ExitTrace::ExitTrace(ExitMonitor& monitor, std::filesystem::path recording,
                     std::vector<exits::Export> exports, std::unique_ptr<exits::TraceWriter> writer)
    : monitor_(monitor),
      recording_(std::move(recording)),
      exports_(std::move(exports)),
      writer_(std::move(writer)) {
    connect(true);
}

ExitTrace::~ExitTrace() {
    if (writer_)
        connect(false);
}

void ExitTrace::connect(bool on) {
    machine::Machine& machine = monitor_.debugger().machine();
    for (std::uint32_t i = 0; i < machine.vcpu_count(); ++i)
        machine.vcpu(VcpuIndex{i}).recorder().trace_to(on ? &writer_->ring(VcpuIndex{i}) : nullptr);
}

Result<void> ExitTrace::finish() {
    connect(false);
    auto written = writer_->finish();
    writer_.reset();
    if (!written)
        return written;
    if (auto exported = write_exports(); !exported) {
        Error error = exported.error();
        error.advice = "The recording is in " + recording_.string() + ": `ringside exits` reads it";
        return tl::unexpected<Error>(std::move(error));
    }
    if (!keep_recording_) {
        std::error_code ignored;  // what is left over does no harm
        std::filesystem::remove(recording_, ignored);
    }
    return {};
}

Result<void> ExitTrace::write_exports() {
    const auto recording = exits::read_trace(recording_);
    if (!recording)
        return tl::unexpected<Error>(recording.error());
    const exits::KvmReasons reasons;
    const exits::Source source = exits::userspace_source(reasons, recording->rate);
    const exits::Names names = monitor_.names().for_tables(VcpuIndex{0}, monitor_.userspace());
    for (const exits::Export& file : exports_) {
        if (auto r = exits::export_recording(file, *recording, source, names); !r)
            return r;
    }
    return {};
}

}  // namespace ringside::debug
