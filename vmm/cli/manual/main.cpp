// Writes the manual's pages and the shells' completion. Runs while Ringside is built:
// ringside-manual TEXTS MONITOR-PAGE OUTPUT.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "vmm/cli/manual/documents.h"

namespace {

using namespace ringside;
namespace fs = std::filesystem;

// Empty for a page without its own text.
std::string read_if_there(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// `text` with the monitor's commands where it asks for them.
std::string with_monitor_commands(std::string text, const std::string& commands) {
    constexpr std::string_view kMark = "@MONITOR@\n";
    const auto at = text.find(kMark);
    return at == std::string::npos ? text : text.replace(at, kMark.size(), commands);
}

bool write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::trunc);
    file << text;
    file.close();
    if (!file)
        fmt::print(stderr, "ringside-manual: cannot write {}\n", path.string());
    return static_cast<bool>(file);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        fmt::print(stderr, "ringside-manual TEXTS MONITOR-PAGE OUTPUT\n");
        return 2;
    }
    const fs::path texts = argv[1];
    const std::string monitor = cli::monitor_commands(read_if_there(argv[2]));
    if (monitor.empty()) {
        fmt::print(stderr, "ringside-manual: {} has no table of monitor commands\n", argv[2]);
        return 1;
    }
    const fs::path output = argv[3];
    const auto commands = cli::describe_command_line();
    bool written = write(output / "bash" / "ringside", cli::bash_completion(commands)) &&
                   write(output / "zsh" / "_ringside", cli::zsh_completion(commands));
    for (const auto& command : commands) {
        const std::string page = cli::page_name(command);
        const std::string text = with_monitor_commands(read_if_there(texts / (page + ".man")), monitor);
        written = written && write(output / "man1" / (page + ".1"), cli::man_page(command, commands, text));
    }
    return written ? 0 : 1;
}
