#include "vmm/cli/ide.h"

#include <cerrno>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "vmm/cli/exit_status.h"

namespace ringside::cli {

namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultKernel = "vmlinux";

Result<fs::path> existing(const fs::path& path) {
    std::error_code error;
    const fs::path found = fs::canonical(path, error);
    if (error)
        return errno_failure("read " + path.string(), error.value(), "Check the path");
    if (!fs::is_regular_file(found, error))
        return failure("read " + path.string(), "it is not a file", "Check the path");
    return found;
}

Result<fs::path> kernel_of(const IdeOptions& options) {
    if (!options.kernel.empty())
        return existing(options.kernel);
    std::error_code ignored;
    if (!fs::is_regular_file(options.folder / kDefaultKernel, ignored))
        return failure("find a kernel", (options.folder / kDefaultKernel).string() + " is not there",
                       "Name the kernel: ringside ide IDE KERNEL");
    return existing(options.folder / kDefaultKernel);
}

Result<IdeProject> project_of(const IdeOptions& options) {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    if (error)
        return errno_failure("read /proc/self/exe", error.value());
    auto kernel = TRY(kernel_of(options));
    fs::path symbols = kernel;
    if (!options.symbols.empty()) {
        auto given = TRY(existing(options.symbols));
        symbols = given;
    }
    return IdeProject{.ide = options.ide,
                      .program = program,
                      .kernel = kernel,
                      .symbols = symbols,
                      .port = options.port,
                      .run_arguments = options.run_arguments};
}

// A file that exists is the user's. If there is one, nothing is written.
Result<void> check_free(const fs::path& folder, const std::vector<IdeFile>& files) {
    for (const IdeFile& file : files) {
        std::error_code ignored;
        if (fs::exists(fs::symlink_status(folder / file.path, ignored)))
            return failure("write " + (folder / file.path).string(), "the file exists",
                           "Give --force to replace it");
    }
    return {};
}

Result<void> write(const fs::path& path, const std::string& text) {
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error)
        return errno_failure("create " + path.parent_path().string(), error.value());
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text << std::flush;
    if (!file)
        return errno_failure("write " + path.string(), errno);
    return {};
}

Result<std::string> write_files(const IdeOptions& options) {
    std::error_code ignored;
    if (!fs::is_directory(options.folder, ignored))
        return failure("write to " + options.folder.string(), "it is not a folder", "Check the path");
    auto project = TRY(project_of(options));
    auto files = TRY(ide_files(project));
    if (!options.force)
        TRY(check_free(options.folder, files));
    std::string said;
    for (const IdeFile& file : files) {
        const fs::path path = options.folder / file.path;
        TRY(write(path, file.text));
        said += "wrote " + path.lexically_normal().string() + "\n";
    }
    return said + next_step(project) + "\n";
}

}  // namespace

int ide(const IdeOptions& options) {
    const auto said = write_files(options);
    if (!said) {
        fmt::print(stderr, "ringside: {}\n", said.error().message());
        return kFailure;
    }
    fmt::print("{}", *said);
    return kSuccess;
}

}  // namespace ringside::cli
