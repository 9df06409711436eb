// A tracepoint's layout, as its `format` file describes it. Layouts differ between kernels: nothing is taken
// for granted but the fields' names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/error.h"

namespace ringside::exits {

struct TracepointField {
    std::string name;
    std::uint32_t offset = 0;  // in the raw record, bytes
    std::uint32_t size = 0;    // bytes
    friend bool operator==(const TracepointField&, const TracepointField&) = default;
};

struct TracepointFormat {
    std::string name;
    std::uint32_t id = 0;  // perf_event_attr.config, and each record's common_type
    std::vector<TracepointField> fields;
    // The tables of __print_symbolic() in the print format, in their order: numbers (as 32 bits) to names.
    std::vector<std::map<std::uint32_t, std::string>> symbols;

    const TracepointField* find(std::string_view field) const;
    // A field of a raw record, zero-extended; nullopt if there is no such field, it is no number, or the
    // record is too short.
    std::optional<std::uint64_t> read(std::span<const std::byte> record, std::string_view field) const;
    // A string of a raw record, which its field (__data_loc) says the place and length of; nullopt if that is no place in
    // the record.
    std::optional<std::string> read_text(std::span<const std::byte> record, std::string_view field) const;
};

// Pure. Fails on a text that lacks a name, an id or fields.
Result<TracepointFormat> parse_tracepoint_format(std::string_view text);

}  // namespace ringside::exits
