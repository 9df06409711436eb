// The text of the replies to qTStatus, qTfP, qTfV and qXfer:traceframe-info.
#pragma once

#include <string>
#include <vector>

#include "gdbstub/tracepoints.h"

namespace ringside::gdbstub {

std::string trace_status_text(const TraceStatus& status);
// Definitions, one per line, for a client that attaches.
std::vector<std::string> tracepoint_lines(const std::vector<DefinedTracepoint>& tracepoints);
std::vector<std::string> variable_lines(const std::vector<TraceVariable>& variables);
std::string frame_info_document(const FrameContents& contents);

}  // namespace ringside::gdbstub
