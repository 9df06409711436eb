// Options of the form `name=value`, separated by spaces, in the kernel's command line.
#pragma once

#include <stdint.h>

namespace guest {

class CommandLine {
  public:
    explicit CommandLine(const char* text) : text_(text != nullptr ? text : "") {}

    // The number after `name=`, or `otherwise` if the option is missing or is not a decimal number.
    unsigned long number(const char* name, unsigned long otherwise) const;

    // Returns true if the command line contains exactly `name=value`.
    bool has(const char* name, const char* value) const;

    // The text after `name=`; it ends at a space or at the end of the string. Null when missing.
    const char* find(const char* name) const;

  private:
    const char* text_;
};

// Returns true if the word at `text`, which ends at a space or at the end of the string, is `expected`.
bool word_is(const char* text, const char* expected);

}  // namespace guest
