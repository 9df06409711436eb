// The configuration files that let an IDE start a machine with the user's kernel and attach to it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vmm/base/error.h"

namespace ringside::cli {

enum class Ide { VsCode, Clion, Neovim };

// What the files refer to. Paths are absolute.
struct IdeProject {
    Ide ide = Ide::VsCode;
    std::filesystem::path program;  // ringside itself
    std::filesystem::path kernel;
    std::filesystem::path symbols;           // the ELF file that the debugger reads
    std::uint16_t port = 1234;               // on 127.0.0.1; Neovim needs none
    std::vector<std::string> run_arguments;  // further options of `ringside run`
};

struct IdeFile {
    std::filesystem::path path;  // below the folder that the IDE opens
    std::string text;
};

// Returns the files that the IDE reads. Fails if a path or an argument is not UTF-8, or contains a line break.
Result<std::vector<IdeFile>> ide_files(const IdeProject& project);

// What the user does next, in a few lines.
std::string next_step(const IdeProject& project);

}  // namespace ringside::cli
