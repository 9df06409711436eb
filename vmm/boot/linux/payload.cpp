#include "vmm/boot/linux/payload.h"

#include <bzlib.h>
#include <fmt/format.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>

#include "vmm/base/bytes.h"
#include "vmm/boot/loaders.h"

namespace ringside::boot::linux_boot {

namespace {

using namespace std::string_view_literals;
using In = std::span<const std::byte>;
using Out = std::span<std::byte>;

// Returns the number of bytes unpacked from `in`, at most out.size(); nullopt if `in` is damaged or holds
// more.
using Unpacker = std::optional<std::size_t> (*)(In in, Out out);

constexpr std::uint64_t kSizeField = sizeof(std::uint32_t);

// All of these libraries use 32-bit sizes in some places. The size of a payload has 32 bits, too.
template <typename Target, typename Source>
Target* cast(Source* bytes) {
    return reinterpret_cast<Target*>(bytes);
}

std::optional<std::size_t> unpack_gzip(In in, Out out) {
    constexpr int kWithGzipHeader = 16 + MAX_WBITS;
    z_stream stream{};
    stream.next_in = const_cast<Bytef*>(cast<const Bytef>(in.data()));
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = cast<Bytef>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    if (inflateInit2(&stream, kWithGzipHeader) != Z_OK)
        return std::nullopt;
    const int status = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    return status == Z_STREAM_END ? std::optional<std::size_t>(stream.total_out) : std::nullopt;
}

std::optional<std::size_t> unpack_bzip2(In in, Out out) {
    auto size = static_cast<unsigned>(out.size());
    const int status = BZ2_bzBuffToBuffDecompress(cast<char>(out.data()), &size,
                                                  const_cast<char*>(cast<const char>(in.data())),
                                                  static_cast<unsigned>(in.size()), 0, 0);
    return status == BZ_OK ? std::optional<std::size_t>(size) : std::nullopt;
}

// Both of liblzma's formats. Linux packs with dictionaries of up to 128 MiB.
std::optional<std::size_t> unpack_lzma_stream(In in, Out out, bool xz) {
    constexpr std::uint64_t kMostMemory = std::uint64_t{256} << 20;
    lzma_stream stream = LZMA_STREAM_INIT;
    const lzma_ret ready =
        xz ? lzma_stream_decoder(&stream, kMostMemory, 0) : lzma_alone_decoder(&stream, kMostMemory);
    if (ready != LZMA_OK)
        return std::nullopt;
    stream.next_in = cast<const std::uint8_t>(in.data());
    stream.avail_in = in.size();
    stream.next_out = cast<std::uint8_t>(out.data());
    stream.avail_out = out.size();
    const lzma_ret status = lzma_code(&stream, LZMA_FINISH);
    const std::size_t made = out.size() - stream.avail_out;
    lzma_end(&stream);
    return status == LZMA_STREAM_END ? std::optional(made) : std::nullopt;
}

std::optional<std::size_t> unpack_xz(In in, Out out) {
    return unpack_lzma_stream(in, out, true);
}

std::optional<std::size_t> unpack_lzma(In in, Out out) {
    return unpack_lzma_stream(in, out, false);
}

// LZ4's legacy frame, as `lz4 -l` writes it: a magic number, then blocks, each preceded by its packed size.
std::optional<std::size_t> unpack_lz4(In in, Out out) {
    constexpr std::size_t kMostInBlock = std::size_t{8} << 20;
    std::size_t made = 0;
    std::size_t at = sizeof(std::uint32_t);
    while (at < in.size()) {
        const auto size = load_at<std::uint32_t>(in, at);
        at += sizeof(std::uint32_t);
        if (!size || *size > in.size() - at ||
            *size > static_cast<std::uint32_t>(LZ4_COMPRESSBOUND(kMostInBlock)))
            return std::nullopt;
        const auto room = std::min(out.size() - made, kMostInBlock);
        const int block = LZ4_decompress_safe(cast<const char>(in.data() + at), cast<char>(out.data() + made),
                                              static_cast<int>(*size), static_cast<int>(room));
        if (block < 0)
            return std::nullopt;
        made += static_cast<std::size_t>(block);
        at += *size;
    }
    return made;
}

std::optional<std::size_t> unpack_zstd(In in, Out out) {
    const std::size_t size = ZSTD_decompress(out.data(), out.size(), in.data(), in.size());
    return ZSTD_isError(size) != 0 ? std::nullopt : std::optional(size);
}

struct Format {
    Packing packing;
    const char* name;
    std::string_view magic;
    Unpacker unpacker;
    bool size_is_part;  // gzip's own trailer ends with the size; Linux's build appends it to the others
};

constexpr std::array kFormats{
    Format{Packing::Gzip, "gzip", "\x1f\x8b"sv, unpack_gzip, true},
    Format{Packing::Bzip2, "bzip2", "BZh"sv, unpack_bzip2, false},
    Format{Packing::Lzma, "lzma", "\x5d\0\0"sv, unpack_lzma, false},
    Format{Packing::Xz, "xz",
           "\xfd"
           "7zXZ\0"sv,
           unpack_xz, false},
    Format{Packing::Lz4, "lz4", "\x02\x21\x4c\x18"sv, unpack_lz4, false},
    Format{Packing::Zstd, "zstd", "\x28\xb5\x2f\xfd"sv, unpack_zstd, false},
};

consteval bool in_order() {
    for (std::size_t i = 0; i < kFormats.size(); ++i) {
        if (kFormats[i].packing != static_cast<Packing>(i))
            return false;
    }
    return true;
}
static_assert(in_order());  // packing_name() relies on it

const Format* format_of(In payload) {
    const auto* const found = std::ranges::find_if(kFormats, [&](const Format& format) {
        return payload.size() >= format.magic.size() + kSizeField &&
               std::ranges::equal(format.magic, payload.first(format.magic.size()), {},
                                  [](char c) { return static_cast<std::byte>(c); });
    });
    return found == kFormats.end() ? nullptr : found;
}

}  // namespace

const char* packing_name(Packing packing) {
    return kFormats.at(static_cast<std::size_t>(packing)).name;
}

std::optional<Packing> packing_of(In payload) {
    const Format* format = format_of(payload);
    return format == nullptr ? std::nullopt : std::optional(format->packing);
}

Result<std::vector<std::byte>> unpack(In payload, std::uint64_t most) {
    const Format* format = format_of(payload);
    if (format == nullptr)
        return reject("its payload is packed in a way that is not known here");
    const std::uint64_t packed_size = payload.size() - kSizeField;
    const std::uint64_t size = load_at<std::uint32_t>(payload, packed_size).value_or(0);
    if (size > most)
        return reject(fmt::format(
            "its payload announces {:#x} unpacked bytes, more than the {:#x} that it asks for", size, most));
    std::vector<std::byte> out(size);
    const In packed = format->size_is_part ? payload : payload.first(packed_size);
    const auto made = format->unpacker(packed, out);
    if (made != size)
        return reject(fmt::format("its {} payload does not unpack to the {:#x} bytes that it announces",
                                  format->name, size),
                      "The file is damaged: copy it again");
    return out;
}

}  // namespace ringside::boot::linux_boot
