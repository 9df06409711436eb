#include "vmm/cli/screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace ringside::cli {

namespace {

constexpr const char* kHideCursor = "\033[?25l";
constexpr const char* kShowCursor = "\033[?25h";
constexpr const char* kTopLeft = "\033[H";
constexpr const char* kClearToEnd = "\033[J";

// Every byte except those after the first of a UTF-8 character.
bool starts_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

std::string fit_line(std::string_view line, std::size_t columns) {
    std::string text;
    std::size_t used = 0;
    for (const char c : line) {
        if (starts_character(c) && used++ == columns)
            break;
        const auto byte = static_cast<unsigned char>(c);
        text += byte < ' ' || byte == 0x7f ? '?' : c;
    }
    return text;
}

}  // namespace

std::string fit(std::string_view text, std::size_t rows, std::size_t columns) {
    const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n'));
    const std::size_t shown = lines <= rows ? lines : rows - std::min<std::size_t>(rows, 1);
    std::string window;
    for (std::size_t row = 0; row < shown; ++row) {
        const std::size_t end = text.find('\n');
        window += (row == 0 ? "" : "\n") + fit_line(text.substr(0, end), columns);
        text.remove_prefix(end + 1);
    }
    if (shown < lines && rows != 0)
        window += (shown == 0 ? "" : "\n") + fit_line(fmt::format("{} more lines", lines - shown), columns);
    return window;
}

Screen::Screen() {
    termios mode{};
    if (::tcgetattr(STDIN_FILENO, &mode) == 0) {
        saved_ = mode;
        mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &mode);
    }
    fmt::print("{}", kHideCursor);
}

Screen::~Screen() {
    fmt::print("\n{}", kShowCursor);
    (void)std::fflush(stdout);
    if (saved_)
        ::tcsetattr(STDIN_FILENO, TCSANOW, &*saved_);
}

bool Screen::show(std::string_view text) const {
    constexpr std::size_t kRows = 24, kColumns = 80;  // of a terminal that does not say
    winsize size{};
    const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row != 0 && size.ws_col != 0;
    fmt::print("{}{}{}", kTopLeft, kClearToEnd,
               fit(text, known ? size.ws_row : kRows, known ? size.ws_col : kColumns));
    return std::fflush(stdout) == 0;
}

}  // namespace ringside::cli
