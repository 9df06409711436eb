#include "vmm/exit_monitor/exit_trace.h"

#include "vmm/exits/trace/trace_reader.h"

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
                           "Give one of the files an extension .json, .csv or .html");
    }
    const bool keep = !recording.empty();
    if (!keep) {
        recording = exports.front().path;
        recording += ".recording";
    }
    auto writer = TRY(exits::TraceWriter::start(recording, monitor.vcpu_count(), monitor.recording_info(),
                                                monitor.clock()));
    std::unique_ptr<ExitTrace> trace(
        new ExitTrace(monitor, std::move(recording), std::move(exports), std::move(writer)));
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
    monitor_.set_start_handler([this] { connect_hardware(); });
}

ExitTrace::~ExitTrace() {
    monitor_.set_start_handler({});
    if (writer_)
        connect(false);
}

void ExitTrace::connect(bool on) {
    machine::Machine& machine = monitor_.debugger().machine();
    for (std::uint32_t i = 0; i < machine.vcpu_count(); ++i)
        machine.vcpu(VcpuIndex{i}).recorder().trace_to(on ? &writer_->ring(VcpuIndex{i}) : nullptr);
}

void ExitTrace::connect_hardware() {
    writer_->update(monitor_.recording_info());
    HardwareTier* hardware = monitor_.hardware();
    if (hardware == nullptr)
        return;
    writer_->add_hardware_rings();
    std::vector<exits::HardwareTraceRing*> rings;
    for (std::uint32_t i = 0; i < monitor_.vcpu_count(); ++i)
        rings.push_back(&writer_->hardware_ring(VcpuIndex{i}));
    hardware->tracer().trace_to(std::move(rings));
}

Result<void> ExitTrace::finish() {
    connect(false);
    if (HardwareTier* hardware = monitor_.hardware(); hardware != nullptr)
        hardware->tracer().finish_trace();
    writer_->update(monitor_.recording_info());  // what has become known meanwhile, such as the slide
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
    const auto run = TRY(exits::read_trace(recording_));
    for (const exits::Export& file : exports_) {
        TRY(export_run(monitor_, file, run, VcpuIndex{0}));
    }
    return {};
}

Result<void> export_run(ExitMonitor& monitor, const exits::Export& file, const exits::RunRecording& run,
                        VcpuIndex vcpu) {
    const exits::KvmReasons reasons;
    const exits::Source userspace = exits::userspace_source(reasons, run.userspace.rate);
    const exits::Names names = monitor.names().for_tables(vcpu, monitor.userspace());
    const HardwareTier* tier = monitor.hardware();
    if (tier == nullptr)
        return exits::export_recording(file, run, {userspace, names});
    const exits::Source hardware = tier->source();
    const exits::Names hardware_names = monitor.names().for_tables(vcpu, *tier);
    return exits::export_recording(file, run, {userspace, names, &hardware, &hardware_names});
}

}  // namespace ringside::debug
