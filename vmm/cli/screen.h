// A terminal whose window a program fills with new text repeatedly.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <termios.h>

namespace ringside::cli {

// The text in a window of this many rows and columns: longer lines are truncated, and the last row says how many more
// lines there are. Control characters, which a guest's symbols could contain, are shown as '?'.
std::string fit(std::string_view text, std::size_t rows, std::size_t columns);

class Screen {
  public:
    // Keys arrive at once and are not echoed; Ctrl-C stays a signal. The destructor restores everything.
    Screen();
    ~Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    // Returns false if the terminal accepts no more output.
    bool show(std::string_view text) const;
    // Returns true if stdin is a terminal.
    bool has_keys() const { return saved_.has_value(); }

  private:
    std::optional<termios> saved_;
};

}  // namespace ringside::cli
