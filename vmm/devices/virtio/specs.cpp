#include "vmm/devices/virtio/specs.h"

#include <utility>

#include "vmm/base/text.h"

namespace ringside::devices::virtio {

namespace {

// "value,option" at the last comma.
std::pair<std::string_view, std::optional<std::string_view>> split_option(std::string_view text) {
    const auto comma = text.rfind(',');
    if (comma == std::string_view::npos)
        return {text, std::nullopt};
    return {text.substr(0, comma), text.substr(comma + 1)};
}

std::optional<MacAddress> parse_mac(std::string_view text) {
    MacAddress mac{};
    if (text.size() != mac.size() * 3 - 1)
        return std::nullopt;
    for (std::size_t i = 0; i < mac.size(); ++i) {
        const auto byte = parse_digits<std::uint8_t>(text.substr(3 * i, 2), 16);
        if (!byte || (i + 1 < mac.size() && text[3 * i + 2] != ':'))
            return std::nullopt;
        mac[i] = *byte;
    }
    return mac;
}

}  // namespace

Result<DiskSpec> parse_disk(std::string_view text) {
    const auto [path, option] = split_option(text);
    const bool read_only = option == "ro", overlay = option == "overlay";
    if (path.empty() || (option && !read_only && !overlay))
        return failure("--disk " + std::string(text), "that is none of FILE, FILE,ro and FILE,overlay");
    return DiskSpec{std::string(path), read_only, overlay};
}

Result<NetSpec> parse_net(std::string_view text) {
    const auto wrong = [&](const char* reason) {
        return failure("--net " + std::string(text), reason,
                       "Use tap:NAME or passt[:SOCKET], optionally followed by ,mac=52:54:00:12:34:56");
    };
    NetSpec spec;
    const auto [backend, option] = split_option(text);
    if (option) {
        if (!option->starts_with("mac="))
            return wrong("there is no such option");
        spec.mac = parse_mac(option->substr(4));
        if (!spec.mac || (spec.mac->front() & 1) != 0)
            return wrong("that is no station's MAC address");
    }
    constexpr std::string_view kTap = "tap:";
    constexpr std::string_view kPasst = "passt:";
    if (backend.starts_with(kTap) && backend.size() > kTap.size())
        spec.backend = NetSpec::Tap{std::string(backend.substr(kTap.size()))};
    else if (backend.starts_with(kPasst) && backend.size() > kPasst.size())
        spec.backend = NetSpec::Passt{std::string(backend.substr(kPasst.size()))};
    else if (backend == "passt")
        spec.backend = NetSpec::Passt{};
    else
        return wrong("there is no such network");
    return spec;
}

Result<VsockSpec> parse_vsock(std::string_view text) {
    const auto comma = text.find(',');
    const std::string operation = "--vsock " + std::string(text);
    if (comma == std::string_view::npos || comma + 1 == text.size())
        return failure(operation, "that is not CID,PATH", "As in --vsock 3,/tmp/vm.sock");
    // 0 and 1 are reserved, 2 is the host, the last one means any (virtio 5.10.4).
    const auto cid = parse_digits<std::uint32_t>(text.substr(0, comma));
    if (!cid || *cid < 3 || *cid == 0xffffffff)
        return failure(operation, "a guest's CID is a number from 3 on");
    return VsockSpec{*cid, std::string(text.substr(comma + 1))};
}

}  // namespace ringside::devices::virtio
