// Records the exits of a whole run to files: a bounded recording while the guest runs, and pages and traces of it at
// the end.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "vmm/exit_monitor/exit_monitor.h"
#include "vmm/exits/report/report.h"
#include "vmm/exits/trace/trace_writer.h"

namespace ringside::debug {

class ExitTrace {
  public:
    // Those of `files` that end in .json, .csv or .html are made when the run ends. Until then the recording
    // is next to the first of them, as FILE.recording: `ringside exits` reads it if the run is interrupted. A
    // file of any other name is the recording itself, and stays. Before the machine starts.
    static Result<std::unique_ptr<ExitTrace>> start(ExitMonitor& monitor,
                                                    std::vector<std::filesystem::path> files);
    ExitTrace(const ExitTrace&) = delete;
    ExitTrace& operator=(const ExitTrace&) = delete;
    // Call finish() first, unless the machine never started.
    ~ExitTrace();

    // Writes the files; after the machine has stopped. The error says where the recording is, if converting
    // it failed.
    Result<void> finish();

  private:
    ExitTrace(ExitMonitor& monitor, std::filesystem::path recording, std::vector<exits::Export> exports,
              std::unique_ptr<exits::TraceWriter> writer);
    void connect(bool on);
    // Also records hardware exits, if the monitor has found any.
    void connect_hardware();
    Result<void> write_exports();

    ExitMonitor& monitor_;
    std::filesystem::path recording_;
    std::vector<exits::Export> exports_;
    std::unique_ptr<exits::TraceWriter> writer_;
    bool keep_recording_ = false;
};

// A run as one file; with the monitor's names for symbols and devices, and instructions as `vcpu` sees them.
Result<void> export_run(ExitMonitor& monitor, const exits::Export& file, const exits::RunRecording& run,
                        VcpuIndex vcpu);

}  // namespace ringside::debug
