#include "vmm/exits/hardware/tracefs.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <fstream>

#include "vmm/base/fd.h"

namespace ringside::exits {
namespace {

constexpr const char* kFindTracepoints = "find KVM's tracepoints";

// Files in tracefs have no size: they are read until their end.
Result<std::string> read_text(const std::filesystem::path& path) {
    constexpr std::size_t kMaximum = 1 << 20;
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file)
        return errno_failure("read " + path.string(), errno);
    std::string text;
    std::array<char, 4096> chunk{};
    while (text.size() < kMaximum) {
        const ssize_t got = ::read(file.get(), chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno_failure("read " + path.string(), errno);
        if (got == 0)
            return text;
        text.append(chunk.data(), static_cast<std::size_t>(got));
    }
    return failure("read " + path.string(), "it does not end");
}

}  // namespace

std::span<const std::filesystem::path> tracefs_locations() {
    static const std::array<std::filesystem::path, 2> locations = {"/sys/kernel/tracing",
                                                                   "/sys/kernel/debug/tracing"};
    return locations;
}

Result<std::filesystem::path> find_tracefs(std::span<const std::filesystem::path> locations) {
    bool denied = false;
    bool mounted = false;
    for (const std::filesystem::path& root : locations) {
        std::error_code error;
        if (std::filesystem::exists(root / "events" / "kvm" / "kvm_exit" / "format", error))
            return root;
        denied = denied || error == std::errc::permission_denied;
        mounted = mounted || std::filesystem::exists(root / "events", error);
    }
    if (denied)
        return errno_failure(kFindTracepoints, EACCES,
                             "Run as root, or give this user read access to /sys/kernel/tracing");
    if (mounted)
        return failure(kFindTracepoints, "the kernel has no kvm:kvm_exit tracepoint",
                       "Load kvm_intel or kvm_amd, or use a kernel with CONFIG_FTRACE and KVM");
    return failure(kFindTracepoints, "tracefs is not mounted",
                   "As root: mount -t tracefs tracefs /sys/kernel/tracing");
}

Result<TracepointFormat> load_kvm_tracepoint(const std::filesystem::path& root, std::string_view event) {
    const auto text = read_text(root / "events" / "kvm" / event / "format");
    if (!text && text.error().code == ENOENT)
        return failure(kFindTracepoints, fmt::format("this kernel has no kvm:{} tracepoint", event),
                       "A kernel whose KVM has it is needed");
    if (!text)
        return tl::unexpected<Error>(text.error());
    return parse_tracepoint_format(*text);
}

std::optional<x86::VirtualizationKind> host_virtualization(const std::filesystem::path& modules) {
    std::error_code ignored;
    if (std::filesystem::exists(modules / "kvm_intel", ignored))
        return x86::VirtualizationKind::Vmx;
    if (std::filesystem::exists(modules / "kvm_amd", ignored))
        return x86::VirtualizationKind::Svm;
    return std::nullopt;
}

bool host_has_nested_paging(const std::filesystem::path& modules) {
    for (const char* parameter : {"kvm_intel/parameters/ept", "kvm_amd/parameters/npt"}) {
        std::ifstream file(modules / parameter);
        if (const int first = file.get(); first == 'Y' || first == '1')
            return true;
    }
    return false;
}

}  // namespace ringside::exits
