#include "gdbstub/transport/endpoint.h"

#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace ringside::gdbstub {
namespace {

tl::unexpected<TargetError> bad_endpoint(std::string_view text, std::string_view why) {
    return failure(TargetError::Code::Invalid,
                   fmt::format("bad endpoint '{}': {}; use tcp:HOST:PORT, unix:PATH, serial:DEVICE or stdio",
                               text, why));
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return port;
}

// "HOST:PORT", ":PORT", "PORT"; an IPv6 address needs brackets.
Result<Endpoint> parse_tcp(std::string_view whole, std::string_view text) {
    TcpEndpoint endpoint;
    const std::size_t colon = text.rfind(':');
    std::string_view host = colon == std::string_view::npos ? "" : text.substr(0, colon);
    const auto port = parse_port(colon == std::string_view::npos ? text : text.substr(colon + 1));
    if (!port)
        return bad_endpoint(whole, "the port must be a number from 0 to 65535");
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed)
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string_view::npos)
        return bad_endpoint(whole, "an IPv6 address needs brackets, as in tcp:[::1]:1234");
    if (!host.empty())
        endpoint.host = host;
    endpoint.port = *port;
    return endpoint;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
    const auto after = [text](std::string_view scheme) -> std::optional<std::string_view> {
        if (!text.starts_with(scheme))
            return std::nullopt;
        return text.substr(scheme.size());
    };
    if (text == "stdio")
        return StdioEndpoint{};
    if (const auto path = after("unix:")) {
        if (path->empty())
            return bad_endpoint(text, "no path is given");
        return UnixEndpoint{std::string(*path)};
    }
    if (const auto device = after("serial:")) {
        if (device->empty())
            return bad_endpoint(text, "no device is given");
        return SerialEndpoint{std::string(*device)};
    }
    return parse_tcp(text, after("tcp:").value_or(text));
}

std::string to_string(const Endpoint& endpoint) {
    struct Writer {
        std::string operator()(const TcpEndpoint& e) const {
            const bool v6 = e.host.find(':') != std::string::npos;
            return fmt::format("tcp:{}{}{}:{}", v6 ? "[" : "", e.host, v6 ? "]" : "", e.port);
        }
        std::string operator()(const UnixEndpoint& e) const { return "unix:" + e.path; }
        std::string operator()(const SerialEndpoint& e) const { return "serial:" + e.device; }
        std::string operator()(const StdioEndpoint&) const { return "stdio"; }
    };
    return std::visit(Writer{}, endpoint);
}

}  // namespace ringside::gdbstub
