// A terminal whose window a program fills with text again and again.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <termios.h>

namespace ringside::cli {

// The text in a window of so many rows and columns: longer lines are cut off, and the last row says how many more lines there
// are. Control characters, which a guest's symbols could have, are shown as '?'.
std::string fit(std::string_view text, std::size_t rows, std::size_t columns);

class Screen {
  public:
    // Keys come at once and are not shown; Ctrl-C stays a signal. The destructor puts everything back.
    Screen();
    ~Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    // Returns false if the terminal takes nothing any more.
    bool show(std::string_view text) const;
    // Returns true if stdin is a terminal, where keys come from.
    bool has_keys() const { return saved_.has_value(); }

  private:
    std::optional<termios> saved_;
};

}  // namespace ringside::cli
