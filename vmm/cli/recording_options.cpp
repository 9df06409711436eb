#include "vmm/cli/recording_options.h"

#include <limits>

#include "vmm/base/text.h"
#include "vmm/cli/validator.h"

namespace ringside::cli {

namespace {

constexpr const char* kRecord = "--record";
constexpr const char* kRecordLast = "--record-last";
constexpr const char* kDefaultSize = "64M";

// More than half of the address space cannot be meant.
Result<std::uint64_t> recording_size(const std::string& text) {
    const auto size = parse_size(text);
    if (!size || *size == 0 || *size > std::numeric_limits<std::uint64_t>::max() >> 1)
        return failure(text, "the size of a recording is a number followed by K, M or G, as in 64M");
    return *size;
}

}  // namespace

void add_recording_options(DeclaredOptions& app, RecordingTexts& texts) {
    app.add(kRecord, texts.record, Refers::Nothing,
            "record each instruction from the first on, in this much memory, for reverse execution")
        ->type_name("SIZE")
        ->expected(0, 1)
        ->default_str(kDefaultSize)
        ->check(valid(recording_size));
    app.add(kRecordLast, texts.record_last, Refers::Nothing,
            "the same, and keep recording while no debugger is attached; a crashed guest waits for one")
        ->type_name("SIZE")
        ->check(valid(recording_size))
        ->excludes(kRecord);
}

void finish(const RecordingTexts& texts, const CLI::App& app, bool can_ask, debug::DebuggerOptions& options) {
    options.keep_recording = app.count(kRecordLast) != 0;
    if (!options.keep_recording && app.count(kRecord) == 0)
        return;
    const std::string& size = options.keep_recording ? texts.record_last : texts.record;
    options.record = *recording_size(size.empty() ? kDefaultSize : size);
    if (!can_ask)
        throw CLI::ValidationError(options.keep_recording ? kRecordLast : kRecord,
                                   "without --gdb or --control, nothing can use the recording");
}

}  // namespace ringside::cli
