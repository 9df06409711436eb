#include "vmm/boot/linux/payload.h"

#include <gmock/gmock.h>

#include "tests/unit/vmm/boot/linux/packers.h"

namespace ringside::boot::linux_boot {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kPlenty = std::uint64_t{1} << 30;

class PayloadTest : public testing::TestWithParam<Packing> {
  protected:
    // Neither all alike nor all different.
    static Bytes contents() {
        Bytes bytes;
        for (std::uint32_t i = 0; i < 20000; ++i)
            append(bytes, i * i / 7);
        return bytes;
    }
};

TEST_P(PayloadTest, UnpacksWhatWasPacked) {
    const Bytes packed = pack(GetParam(), contents());
    EXPECT_EQ(packing_of(packed), GetParam());
    const auto unpacked = unpack(packed, kPlenty);
    ASSERT_TRUE(unpacked) << unpacked.error().message();
    EXPECT_EQ(*unpacked, contents());
}

TEST_P(PayloadTest, RefusesMoreThanIsAllowed) {
    const auto unpacked = unpack(pack(GetParam(), contents()), contents().size() - 1);
    ASSERT_FALSE(unpacked);
    EXPECT_THAT(unpacked.error().reason,
                HasSubstr("announces 0x13880 unpacked bytes, more than the 0x1387f"));
}

TEST_P(PayloadTest, RefusesAWrongSize) {
    for (const int wrong : {-1, 1}) {
        Bytes packed = pack(GetParam(), contents());
        packed.resize(packed.size() - 4);
        append(packed, static_cast<std::uint32_t>(static_cast<int>(contents().size()) + wrong));
        const auto unpacked = unpack(packed, kPlenty);
        ASSERT_FALSE(unpacked) << wrong;
        EXPECT_THAT(unpacked.error().reason, HasSubstr("does not unpack to"));
    }
}

TEST_P(PayloadTest, RefusesAnyCut) {
    const Bytes packed = pack(GetParam(), contents());
    for (std::size_t size = 0; size < packed.size() - 4; size += 1 + packed.size() / 50) {
        Bytes cut(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size));
        append(cut, static_cast<std::uint32_t>(contents().size()));
        EXPECT_FALSE(unpack(cut, kPlenty)) << size;
    }
}

INSTANTIATE_TEST_SUITE_P(Packings, PayloadTest,
                         testing::Values(Packing::Gzip, Packing::Bzip2, Packing::Lzma, Packing::Xz,
                                         Packing::Lz4, Packing::Zstd),
                         [](const auto& packing) { return std::string(packing_name(packing.param)); });

TEST(PayloadFormatTest, KnowsNoOther) {
    EXPECT_EQ(packing_of(to_bytes("")), std::nullopt);
    EXPECT_EQ(packing_of(to_bytes("\x89LZO....")), std::nullopt);
    EXPECT_EQ(packing_of(to_bytes("BZh")), std::nullopt);  // too short to hold a size
    EXPECT_FALSE(unpack(to_bytes("\x89LZO...."), kPlenty));
}

}  // namespace
}  // namespace ringside::boot::linux_boot
