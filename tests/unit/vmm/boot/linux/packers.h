// Kernels' payloads as Linux's build makes them, for tests.
#pragma once

#include <bzlib.h>
#include <gtest/gtest.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/unit/vmm/boot/elf_builder.h"
#include "vmm/boot/linux/payload.h"

namespace ringside::boot::linux_boot {

inline constexpr std::size_t kPackedRoom = std::size_t{1} << 20;

inline std::size_t pack_gzip(const Bytes& in, Bytes& out) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return stream.total_out;
}

inline std::size_t pack_bzip2(const Bytes& in, Bytes& out) {
    auto size = static_cast<unsigned>(out.size());
    EXPECT_EQ(BZ2_bzBuffToBuffCompress(reinterpret_cast<char*>(out.data()), &size,
                                       reinterpret_cast<char*>(const_cast<std::byte*>(in.data())),
                                       static_cast<unsigned>(in.size()), 9, 0, 0),
              BZ_OK);
    return size;
}

inline std::size_t pack_lzma(const Bytes& in, Bytes& out, bool xz) {
    lzma_options_lzma options;
    EXPECT_FALSE(lzma_lzma_preset(&options, 6));
    lzma_stream stream = LZMA_STREAM_INIT;
    EXPECT_EQ(xz ? lzma_easy_encoder(&stream, 6, LZMA_CHECK_CRC32) : lzma_alone_encoder(&stream, &options),
              LZMA_OK);
    stream.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    stream.avail_in = in.size();
    stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream.avail_out = out.size();
    EXPECT_EQ(lzma_code(&stream, LZMA_FINISH), LZMA_STREAM_END);
    const std::size_t size = stream.total_out;
    lzma_end(&stream);
    return size;
}

inline std::size_t pack_lz4(const Bytes& in, Bytes& out) {
    constexpr std::uint32_t kMagic = 0x184c2102;
    std::memcpy(out.data(), &kMagic, sizeof kMagic);
    const auto size = static_cast<std::uint32_t>(LZ4_compress_default(
        reinterpret_cast<const char*>(in.data()), reinterpret_cast<char*>(out.data()) + 8,
        static_cast<int>(in.size()), static_cast<int>(out.size()) - 8));
    EXPECT_NE(size, 0U);
    std::memcpy(out.data() + 4, &size, sizeof size);
    return size + std::size_t{8};
}

inline std::size_t pack_zstd(const Bytes& in, Bytes& out) {
    const std::size_t size = ZSTD_compress(out.data(), out.size(), in.data(), in.size(), 3);
    EXPECT_FALSE(ZSTD_isError(size));
    return size;
}

// Followed by the unpacked size: gzip has that already.
inline Bytes pack(Packing packing, const Bytes& in) {
    Bytes out(kPackedRoom + 2 * in.size());
    switch (packing) {
        case Packing::Gzip:
            out.resize(pack_gzip(in, out));
            return out;
        case Packing::Bzip2:
            out.resize(pack_bzip2(in, out));
            break;
        case Packing::Lzma:
            out.resize(pack_lzma(in, out, false));
            break;
        case Packing::Xz:
            out.resize(pack_lzma(in, out, true));
            break;
        case Packing::Lz4:
            out.resize(pack_lz4(in, out));
            break;
        case Packing::Zstd:
            out.resize(pack_zstd(in, out));
            break;
    }
    append(out, static_cast<std::uint32_t>(in.size()));
    return out;
}

}  // namespace ringside::boot::linux_boot
