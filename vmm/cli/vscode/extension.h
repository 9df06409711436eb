// The extension in this folder, as text: VS Code installs it from the user's own folder.
#pragma once

#include <string_view>

namespace ringside::cli {

std::string_view vscode_extension_manifest();
std::string_view vscode_extension_adapter();

}  // namespace ringside::cli
