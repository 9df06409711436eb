// Values of options: how they are shown and checked.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace ringside::cli {

// CLI11 prints a validator's description behind the option's metavar, which says the same already.
constexpr const char* kNoDescription = "";

// One of this project's parsers as a check of CLI11's, which wants the error as text; empty means valid.
template <typename Parse>
CLI::Validator valid(Parse parse) {
    return CLI::Validator(
        [parse](const std::string& text) {
            const auto parsed = parse(text);
            return parsed ? std::string() : parsed.error().message();
        },
        kNoDescription);
}

// The option takes one of a few words. They are its metavar.
inline CLI::Option* one_of(CLI::Option* option, const std::vector<std::string>& words) {
    return option->type_name(CLI::detail::join(words, "|"))
        ->capture_default_str()
        ->check(CLI::IsMember(words).description(kNoDescription));
}

}  // namespace ringside::cli
