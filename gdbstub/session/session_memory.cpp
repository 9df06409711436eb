// m, M, x, X, MultiMemRead, qSearch:memory and qCRC.
#include <algorithm>
#include <cstring>
#include <iterator>

#include <fmt/format.h>

#include "gdbstub/crc32.h"
#include "gdbstub/hex.h"
#include "gdbstub/session/session_core.h"

namespace ringside::gdbstub {
namespace {

// The size of the reads of qSearch and qCRC, and the most that one of them may cover: the server can do nothing
// else meanwhile.
constexpr std::size_t kScanChunk = std::size_t{1} << 20;
constexpr std::uint64_t kMaxScan = std::uint64_t{4} << 30;

// The part of [address, address + length) before the address space's end.
std::uint64_t clamp_to_address_space(Address address, std::uint64_t length) {
    return length != 0 && length - 1 > UINT64_MAX - address ? UINT64_MAX - address + 1 : length;
}

Result<void> check_scan(std::uint64_t length) {
    if (length > kMaxScan)
        return failure(TargetError::Code::Invalid,
                       "the range is longer than 4 GiB: search or compare it in parts");
    return {};
}

}  // namespace

// Reads what can be read from the start, up to `limit`. The result points into bytes_.
Result<std::span<const std::byte>> SessionCore::read_memory(Stopped stopped, Address address,
                                                            std::uint64_t length, std::size_t limit) {
    const ThreadId thread = STUB_TRY(resolve(ThreadSuffix{}));
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(clamp_to_address_space(address, length), limit));
    if (wanted == 0)
        return std::span<const std::byte>();
    if (bytes_.size() < wanted)
        bytes_.resize(wanted);
    const auto out = std::span(bytes_).first(wanted);
    const std::size_t count =
        STUB_TRY(traces_.frame_selected()
                     ? traces_.read_memory(*target_.tracepoints(), stopped.memory(), thread, address, out)
                     : stopped.memory().read(thread, address, out));
    return std::span<const std::byte>(bytes_).first(std::min(count, wanted));
}

Result<std::span<const std::byte>> SessionCore::read_space(Stopped stopped, std::uint64_t space,
                                                           Address address, std::uint64_t length,
                                                           std::size_t limit) {
    if (space == packet::kDefaultSpace)
        return read_memory(stopped, address, length, limit);
    if (space != packet::kPhysicalSpace)
        return failure(TargetError::Code::Invalid,
                       "there is no such address space: jAddressSpacesInfo names those that there are");
    if (traces_.frame_selected())
        return failure(TargetError::Code::Unsupported, "a trace frame holds no physical memory");
    const bool before = stopped.memory().physical_mode();
    stopped.memory().set_physical_mode(true);
    auto bytes = read_memory(stopped, address, length, limit);
    stopped.memory().set_physical_mode(before);
    return bytes;
}

// The next part of a range that must be complete.
Result<std::span<const std::byte>> SessionCore::read_chunk(Stopped stopped, Address address,
                                                           std::uint64_t length) {
    const auto bytes = STUB_TRY(read_memory(stopped, address, length, kScanChunk));
    if (bytes.empty())
        return failure(TargetError::Code::Fault, "the address space ends within the range");
    return bytes;
}

SessionCore::Handled SessionCore::handle(const packet::m& packet, Stopped stopped) {
    const auto bytes =
        STUB_TRY(read_space(stopped, packet.space, packet.address, packet.length, kMaxPayload / 2));
    reply_.frame().hex(bytes);
    return {};
}

// gdb and new LLDB: 'b' and the bytes. Old LLDB: the bytes alone, and "OK" to its probe `x0,0`.
SessionCore::Handled SessionCore::handle(const packet::x& packet, Stopped stopped) {
    const bool old_lldb = client_.kind == Client::Kind::OldLldb;
    if (old_lldb && packet.length == 0)
        return ok();
    const auto bytes =
        STUB_TRY(read_space(stopped, packet.space, packet.address, packet.length, kMaxPayload));
    reply_.frame().text(old_lldb ? "" : "b").binary(bytes);
    return {};
}

// The number of bytes that could be read of each range, and all those bytes.
SessionCore::Handled SessionCore::handle(const packet::MultiMemRead& packet, Stopped stopped) {
    std::string counts;
    std::vector<std::byte> all;
    for (const packet::MemoryRange& range : packet.ranges) {
        const auto bytes = read_memory(stopped, range.address, range.length, kMaxPayload - all.size());
        if (bytes)
            all.insert(all.end(), bytes->begin(), bytes->end());
        fmt::format_to(std::back_inserter(counts), "{}{:x}", counts.empty() ? "" : ",",
                       bytes ? bytes->size() : 0);
    }
    reply_.frame().text(counts).text(";").binary(all);
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::M& packet, Stopped stopped) {
    const ThreadId thread = STUB_TRY(resolve(ThreadSuffix{}));
    bytes_.clear();
    if (!decode_hex(packet.hex, bytes_))
        return malformed();
    STUB_TRY(traces_.check_live());
    STUB_TRY(stopped.memory().write(thread, packet.address, bytes_));
    return ok();
}

// A client writes no bytes to find out if the packet is supported.
SessionCore::Handled SessionCore::handle(const packet::X& packet, Stopped stopped) {
    const ThreadId thread = STUB_TRY(resolve(ThreadSuffix{}));
    STUB_TRY(traces_.check_live());
    if (!packet.data.empty())
        STUB_TRY(stopped.memory().write(thread, packet.address, std::as_bytes(std::span(packet.data))));
    return ok();
}

SessionCore::Handled SessionCore::handle(const packet::qSearch_memory& packet, Stopped stopped) {
    STUB_TRY(check_scan(packet.length));
    // Each chunk is searched together with the last bytes before it, where a match may begin.
    std::string window;
    Address window_address = packet.address;
    for (std::uint64_t done = 0; done < packet.length;) {
        const auto bytes = STUB_TRY(read_chunk(stopped, packet.address + done, packet.length - done));
        window.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        done += bytes.size();
        if (const std::size_t hit = window.find(packet.pattern); hit != std::string::npos) {
            reply_.frame().text("1,").hex_number(window_address + hit);
            return {};
        }
        const std::size_t keep = std::min(window.size(), packet.pattern.size() - 1);
        window_address += window.size() - keep;
        window.erase(0, window.size() - keep);
    }
    reply_.frame().text("0");
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::qCRC& packet, Stopped stopped) {
    STUB_TRY(check_scan(packet.length));
    Crc32 crc;
    for (std::uint64_t done = 0; done < packet.length;) {
        const auto bytes = STUB_TRY(read_chunk(stopped, packet.address + done, packet.length - done));
        crc.add(bytes);
        done += bytes.size();
    }
    reply_.frame().text("C").hex_number(crc.value());
    return {};
}

}  // namespace ringside::gdbstub
