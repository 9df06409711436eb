// --record and --record-last.
#pragma once

#include <string>

#include "vmm/cli/declared_options.h"
#include "vmm/debug/target/debugger.h"

namespace ringside::cli {

// CLI11 fills this in as text before it becomes values.
struct RecordingTexts {
    std::string record;
    std::string record_last;
};

void add_recording_options(DeclaredOptions& app, RecordingTexts& texts);
// `can_ask`: something can use the recording.
void finish(const RecordingTexts& texts, const CLI::App& app, bool can_ask, debug::DebuggerOptions& options);

}  // namespace ringside::cli
