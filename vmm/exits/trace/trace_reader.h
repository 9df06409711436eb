// Reads a trace file, whole or cut off, friendly or not.
#pragma once

#include <filesystem>

#include "vmm/base/error.h"
#include "vmm/exits/record/recording.h"

namespace ringside::exits {

// Every exit that the file still holds, with statistics computed from them. A file whose writer was killed,
// or that is damaged, gives what can be read; `complete` is then false. An error means that nothing can be
// read at all.
Result<RunRecording> read_trace(const std::filesystem::path& path);

}  // namespace ringside::exits
