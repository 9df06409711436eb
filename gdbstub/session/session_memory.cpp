// m, M, x, X, qSearch:memory and qCRC.
#include <algorithm>
#include <cstring>

#include "gdbstub/crc32.h"
#include "gdbstub/hex.h"
#include "gdbstub/session/session_core.h"

namespace ringside::gdbstub {
namespace {

// What qSearch and qCRC read at once, and the most that one of them may cover: the server answers nobody
// else meanwhile.
constexpr std::size_t kScanChunk = std::size_t{1} << 20;
constexpr std::uint64_t kMaxScan = std::uint64_t{4} << 30;

// The part of [address, address + length) before the address space's end.
std::uint64_t clamp_to_address_space(Address address, std::uint64_t length) {
    return length != 0 && length - 1 > UINT64_MAX - address ? UINT64_MAX - address + 1 : length;
}

TargetError too_long() {
    return {TargetError::Code::Invalid, "a range of more than 4 GiB: search or compare it in parts"};
}

}  // namespace

// Reads what can be read from the start, up to `limit`. The bytes stand in bytes_.
Result<std::span<const std::byte>> SessionCore::read_memory(Stopped stopped, Address address,
                                                            std::uint64_t length, std::size_t limit) {
    const auto thread = resolve(ThreadSuffix{});
    if (!thread)
        return tl::unexpected(thread.error());
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(clamp_to_address_space(address, length), limit));
    if (wanted == 0)
        return std::span<const std::byte>();
    if (bytes_.size() < wanted)
        bytes_.resize(wanted);
    const auto count = stopped.memory().read(*thread, address, std::span(bytes_).first(wanted));
    if (!count)
        return tl::unexpected(count.error());
    return std::span<const std::byte>(bytes_).first(std::min(*count, wanted));
}

void SessionCore::handle(const packet::m& packet, Stopped stopped) {
    const auto bytes = read_memory(stopped, packet.address, packet.length, kMaxPayload / 2);
    if (bytes)
        reply_.frame().hex(*bytes);
    else
        error(bytes.error());
}

// gdb and new LLDB: 'b' and the bytes. Old LLDB: the bytes alone, and "OK" to its probe `x0,0`.
void SessionCore::handle(const packet::x& packet, Stopped stopped) {
    const bool old_lldb = client_.kind == Client::Kind::OldLldb;
    if (old_lldb && packet.length == 0) {
        ok();
        return;
    }
    const auto bytes = read_memory(stopped, packet.address, packet.length, kMaxPayload);
    if (!bytes) {
        error(bytes.error());
        return;
    }
    reply_.frame().text(old_lldb ? "" : "b").binary(*bytes);
}

void SessionCore::handle(const packet::M& packet, Stopped stopped) {
    const auto thread = resolve(ThreadSuffix{});
    bytes_.clear();
    if (!thread)
        error(thread.error(), Words::Accepted);
    else if (!decode_hex(packet.hex, bytes_))
        malformed();
    else
        ok_or_error(stopped.memory().write(*thread, packet.address, bytes_), Words::Accepted);
}

// A write of no bytes is the client's question whether the packet is known.
void SessionCore::handle(const packet::X& packet, Stopped stopped) {
    const auto thread = resolve(ThreadSuffix{});
    if (!thread)
        error(thread.error(), Words::Accepted);
    else if (packet.data.empty())
        ok();
    else
        ok_or_error(stopped.memory().write(*thread, packet.address, std::as_bytes(std::span(packet.data))),
                    Words::Accepted);
}

void SessionCore::handle(const packet::qSearch_memory& packet, Stopped stopped) {
    if (packet.length > kMaxScan) {
        error(too_long());
        return;
    }
    // Each chunk is searched together with the last bytes before it, where a match may begin.
    std::string window;
    Address window_address = packet.address;
    for (std::uint64_t done = 0; done < packet.length;) {
        const auto bytes = read_memory(stopped, packet.address + done, packet.length - done, kScanChunk);
        if (!bytes || bytes->empty()) {
            error(bytes ? TargetError{TargetError::Code::Fault, "the range ends before it is searched"}
                        : bytes.error());
            return;
        }
        window.append(reinterpret_cast<const char*>(bytes->data()), bytes->size());
        done += bytes->size();
        if (const std::size_t hit = window.find(packet.pattern); hit != std::string::npos) {
            reply_.frame().text("1,").hex_number(window_address + hit);
            return;
        }
        const std::size_t keep = std::min(window.size(), packet.pattern.size() - 1);
        window_address += window.size() - keep;
        window.erase(0, window.size() - keep);
    }
    reply_.frame().text("0");
}

void SessionCore::handle(const packet::qCRC& packet, Stopped stopped) {
    if (packet.length > kMaxScan) {
        error(too_long());
        return;
    }
    Crc32 crc;
    for (std::uint64_t done = 0; done < packet.length;) {
        const auto bytes = read_memory(stopped, packet.address + done, packet.length - done, kScanChunk);
        if (!bytes || bytes->empty()) {
            error(bytes ? TargetError{TargetError::Code::Fault, "the range ends before it is summed"}
                        : bytes.error());
            return;
        }
        crc.add(*bytes);
        done += bytes->size();
    }
    reply_.frame().text("C").hex_number(crc.value());
}

}  // namespace ringside::gdbstub
