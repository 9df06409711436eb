#include "guests/lib/command_line.h"

namespace guest {
namespace {

bool ends_word(char character) {
    return character == '\0' || character == ' ';
}

const char* next_word(const char* text) {
    while (!ends_word(*text))
        ++text;
    while (*text == ' ')
        ++text;
    return text;
}

// The rest of `text` after `prefix`, or null.
const char* skip_prefix(const char* text, const char* prefix) {
    for (; *prefix != '\0'; ++text, ++prefix)
        if (*text != *prefix)
            return nullptr;
    return text;
}

}  // namespace

bool word_is(const char* text, const char* expected) {
    const char* rest = skip_prefix(text, expected);
    return rest != nullptr && ends_word(*rest);
}

const char* CommandLine::find(const char* name) const {
    for (const char* word = text_; *word != '\0'; word = next_word(word)) {
        const char* rest = skip_prefix(word, name);
        if (rest != nullptr && *rest == '=')
            return rest + 1;
    }
    return nullptr;
}

unsigned long CommandLine::number(const char* name, unsigned long otherwise) const {
    const char* digit = find(name);
    if (digit == nullptr || ends_word(*digit))
        return otherwise;
    unsigned long value = 0;
    for (; !ends_word(*digit); ++digit) {
        if (*digit < '0' || *digit > '9')
            return otherwise;
        value = value * 10 + static_cast<unsigned long>(*digit - '0');
    }
    return value;
}

bool CommandLine::has(const char* name, const char* value) const {
    const char* found = find(name);
    return found != nullptr && word_is(found, value);
}

}  // namespace guest
