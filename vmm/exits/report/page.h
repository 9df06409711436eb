// The report's page (report.html with report.css and report.js in place), built into the program. Its data
// replaces "RINGSIDE_DATA".
#pragma once

#include <string_view>

namespace ringside::exits {

std::string_view report_page();

}  // namespace ringside::exits
