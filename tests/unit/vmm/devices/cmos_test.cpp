#include "vmm/devices/cmos.h"

#include <gtest/gtest.h>

#include "tests/unit/vmm/devices/fakes.h"

namespace ringside::devices {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

class CmosTest : public testing::Test {
  protected:
    std::uint8_t get(std::uint8_t index) {
        out(cmos, 0, index);
        return in(cmos, 1);
    }
    void set(std::uint8_t index, std::uint8_t value) {
        out(cmos, 0, index);
        out(cmos, 1, value);
    }
    unsigned get16(std::uint8_t index) {
        const unsigned low = get(index);
        const unsigned high = get(static_cast<std::uint8_t>(index + 1));
        return low | high << 8;
    }

    // A Thursday, and a leap day.
    std::chrono::system_clock::time_point time =
        std::chrono::sys_days(std::chrono::year(2024) / 2 / 29) + 15h + 4min + 5s;
    Cmos cmos{{3 * kGiB, kGiB, 4}, [this] { return time; }};
};

TEST_F(CmosTest, ShowsTheTimeInBcd) {
    EXPECT_EQ(get(0x00), 0x05);
    EXPECT_EQ(get(0x02), 0x04);
    EXPECT_EQ(get(0x04), 0x15);
    EXPECT_EQ(get(0x06), 5);  // Thursday
    EXPECT_EQ(get(0x07), 0x29);
    EXPECT_EQ(get(0x08), 0x02);
    EXPECT_EQ(get(0x09), 0x24);
    EXPECT_EQ(get(0x32), 0x20);
    EXPECT_EQ(get(0x0b), 0x02);
    EXPECT_EQ(get(0x0c), 0x00);
    EXPECT_EQ(get(0x0d), 0x80);
}

TEST_F(CmosTest, ShowsTheTimeInBinaryAndIn12Hours) {
    set(0x0b, 0x06);
    EXPECT_EQ(get(0x04), 15);
    EXPECT_EQ(get(0x07), 29);
    set(0x0b, 0x00);
    EXPECT_EQ(get(0x04), 0x83);  // 3 PM
    time += 9h;                  // 00:04 the next day
    EXPECT_EQ(get(0x04), 0x12);
    EXPECT_EQ(get(0x08), 0x03);
}

TEST_F(CmosTest, AnnouncesAnUpdate) {
    EXPECT_EQ(get(0x0a), 0x26);
    time += std::chrono::microseconds(999'800);
    EXPECT_EQ(get(0x0a), 0xa6);
    time += std::chrono::microseconds(200);
    EXPECT_EQ(get(0x0a), 0x26);
    EXPECT_EQ(get(0x00), 0x06);
}

TEST_F(CmosTest, TakesANewTime) {
    set(0x0b, 0x82);
    set(0x09, 0x30);
    set(0x08, 0x12);
    set(0x07, 0x31);
    set(0x04, 0x23);
    set(0x02, 0x59);
    set(0x00, 0x58);
    time += 10s;  // the clock does not advance while it is being set
    EXPECT_EQ(get(0x00), 0x58);
    set(0x0b, 0x02);
    time += 3s;
    EXPECT_EQ(get(0x00), 0x01);
    EXPECT_EQ(get(0x04), 0x00);
    EXPECT_EQ(get(0x09), 0x31);
}

TEST_F(CmosTest, IgnoresATimeThatDoesNotExist) {
    set(0x08, 0x13);
    EXPECT_EQ(get(0x08), 0x02);
    set(0x07, 0xff);
    EXPECT_EQ(get(0x07), 0x29);
    set(0x04, 0x99);
    EXPECT_EQ(get(0x04), 0x15);
}

TEST_F(CmosTest, HoldsTheMemorySizes) {
    EXPECT_EQ(get16(0x15), 639U);
    EXPECT_EQ(get16(0x17), 0xffffU);
    EXPECT_EQ(get16(0x30), 0xffffU);
    EXPECT_EQ(get16(0x34), (3 * kGiB - 16 * kMiB) / 65536);
    EXPECT_EQ(get16(0x5b) | unsigned{get(0x5d)} << 16, kGiB / 65536);
    EXPECT_EQ(get(0x5f), 3);
}

TEST(Cmos, SmallMemory) {
    Cmos cmos({2 * kMiB, 0, 1});
    out(cmos, 0, 0x18);
    EXPECT_EQ(in(cmos, 1), 1024 >> 8);
    out(cmos, 0, 0x34);
    EXPECT_EQ(in(cmos, 1), 0);
}

TEST_F(CmosTest, ShutdownByteIsPlainMemory) {
    set(0x8f, 0x0a);  // with the NMI mask, as kernels write it before a warm reset
    EXPECT_EQ(get(0x0f), 0x0a);
    EXPECT_EQ(in(cmos, 0), 0xff);
}

TEST_F(CmosTest, RestoresItsState) {
    set(0x40, 0x77);
    set(0x09, 0x28);
    const Cmos::State state = cmos.save();
    Cmos other({kMiB, 0, 1}, [this] { return time; });
    other.restore(state);
    EXPECT_EQ(other.save(), state);
    out(other, 0, 0x09);
    EXPECT_EQ(in(other, 1), 0x28);
}

TEST_F(CmosTest, RestoreDefusesAnImpossibleState) {
    Cmos::State state;
    state.index = 0xff;
    state.offset_seconds = std::numeric_limits<std::int64_t>::max();
    cmos.restore(state);
    EXPECT_EQ(in(cmos, 1), 0);
    EXPECT_LE(cmos.save().offset_seconds, 100'000'000'000);
    get(0x09);
}

}  // namespace
}  // namespace ringside::devices
