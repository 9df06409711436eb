// A parser of this project's as a check of CLI11's.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace ringside::cli {

// CLI11 reports what a validator returns as text; empty means valid.
template <typename Parse>
CLI::Validator valid(Parse parse, const char* type) {
    return CLI::Validator(
        [parse](const std::string& text) {
            const auto parsed = parse(text);
            return parsed ? std::string() : parsed.error().message();
        },
        type);
}

}  // namespace ringside::cli
