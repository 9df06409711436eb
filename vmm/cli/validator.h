// Values of options: how they are shown and checked.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "vmm/cli/declared_options.h"

namespace ringside::cli {

// CLI11 prints a validator's description after the option's metavar, which has the same content.
constexpr const char* kNoDescription = "";

// One of this project's parsers as a check for CLI11, which expects the error as text; empty means valid.
template <typename Parse>
CLI::Validator valid(Parse parse) {
    return CLI::Validator(
        [parse](const std::string& text) {
            const auto parsed = parse(text);
            return parsed ? std::string() : parsed.error().message();
        },
        kNoDescription);
}

// An option whose text `parse` converts to a value. It returns a Result.
template <typename T, typename Parse>
CLI::Option* add_parsed(DeclaredOptions& app, const std::string& names, T& value, Parse parse,
                        const std::string& help, Refers refers = Refers::Nothing) {
    const auto take = [&value, parse](const std::string& text) { value = *parse(text); };
    return app.add_text(names, take, refers, help)->check(valid(parse));
}

// A word that an option accepts, and the value that it means.
template <typename T>
struct Word {
    std::string text;
    T value;
};

// The option accepts one of a few words, which are its metavar. The first that means `value` is shown as the default.
template <typename T>
CLI::Option* add_choice(DeclaredOptions& app, const std::string& names, T& value, std::vector<Word<T>> words,
                        const std::string& help, Refers refers = Refers::Nothing) {
    const auto standard =
        std::ranges::find_if(words, [&value](const Word<T>& word) { return word.value == value; });
    const std::string default_text = standard == words.end() ? "" : standard->text;
    std::vector<std::string> texts;
    for (const auto& word : words)
        texts.push_back(word.text);
    const auto take = [&value, words = std::move(words)](const std::string& text) {
        value = std::ranges::find(words, text, &Word<T>::text)->value;
    };
    return app.add_text(names, take, refers, help)
        ->type_name(CLI::detail::join(texts, "|"))
        ->default_str(default_text)
        ->check(CLI::IsMember(texts).description(kNoDescription));
}

}  // namespace ringside::cli
