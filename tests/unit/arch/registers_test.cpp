#include "arch/x86_64/registers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

namespace ringside::x86 {
namespace {

constexpr FeatureSet kEverything{true, true, true};

std::vector<std::byte> bytes_of(std::uint64_t value, std::size_t size) {
    std::vector<std::byte> bytes(size);
    std::memcpy(bytes.data(), &value, std::min<std::size_t>(size, 8));
    return bytes;
}

std::uint64_t read_value(const RegisterFile& file, const CpuState& state, std::string_view name) {
    const RegisterInfo* info = file.find(name);
    if (info == nullptr) {
        ADD_FAILURE() << "no register " << name;
        return 0;
    }
    std::vector<std::byte> bytes(info->bytes());
    EXPECT_TRUE(file.read(state, info->regno, bytes));
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data(), std::min<std::size_t>(bytes.size(), 8));
    return value;
}

TEST(RegisterFile, HasGdbsNumbersAndOffsetsForX86_64) {
    const RegisterFile file({});
    const struct {
        const char* name;
        std::uint32_t regno, offset, bits;
    } expected[] = {
        {"rax", 0, 0, 64},      {"rbx", 1, 8, 64},        {"rcx", 2, 16, 64},       {"rdx", 3, 24, 64},
        {"rsi", 4, 32, 64},     {"rdi", 5, 40, 64},       {"rbp", 6, 48, 64},       {"rsp", 7, 56, 64},
        {"r15", 15, 120, 64},   {"rip", 16, 128, 64},     {"eflags", 17, 136, 32},  {"cs", 18, 140, 32},
        {"gs", 23, 160, 32},    {"fs_base", 24, 164, 64}, {"gs_base", 25, 172, 64}, {"st0", 26, 180, 80},
        {"fctrl", 34, 260, 32}, {"xmm0", 42, 292, 128},   {"mxcsr", 58, 548, 32}};
    for (const auto& row : expected) {
        const RegisterInfo* info = file.find(row.name);
        ASSERT_NE(info, nullptr) << row.name;
        EXPECT_EQ(info->regno, row.regno) << row.name;
        EXPECT_EQ(info->offset, row.offset) << row.name;
        EXPECT_EQ(info->bits, row.bits) << row.name;
    }
    EXPECT_EQ(file.g_size(), 552u);
    EXPECT_EQ(file.pc(), 16u);
    EXPECT_THAT(file.expedited(), testing::ElementsAre(6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
}

TEST(RegisterFile, GrowsWithTheCpusFeatures) {
    EXPECT_EQ(RegisterFile({.avx = true}).g_size(), 552u + 16 * 16);
    EXPECT_EQ(RegisterFile({.avx512 = true}).g_size(), 552u + 16 * 16 + 16 * 32 + 64 + 32 * 32);
    EXPECT_EQ(RegisterFile({.pkru = true}).g_size(), 556u);
    EXPECT_EQ(RegisterFile({}).find("ymm0h"), nullptr);
}

TEST(RegisterFile, HasGdbsOrderForI386) {
    const RegisterFile file({}, GdbArchitecture::I386);
    EXPECT_EQ(file.find("eax")->regno, 0u);
    EXPECT_EQ(file.find("ecx")->regno, 1u);
    EXPECT_EQ(file.find("esp")->regno, 4u);
    EXPECT_EQ(file.find("eip")->regno, 8u);
    EXPECT_EQ(file.find("gs")->regno, 15u);
    EXPECT_EQ(file.pc(), 8u);
    EXPECT_EQ(file.find("rax"), nullptr);
    EXPECT_EQ(file.find("xmm8"), nullptr);
    EXPECT_EQ(file.g_size(), 308u);
    EXPECT_EQ(read_value(file, CpuState{}, "eflags"), 2u);
}

TEST(RegisterFile, NeedsThreeClassesForG) {
    ClassSet expected;
    expected.add(RegisterClass::General);
    expected.add(RegisterClass::System);
    expected.add(RegisterClass::Extended);
    EXPECT_EQ(RegisterFile(kEverything).g_classes(), expected);
}

TEST(RegisterFile, NamesAreUniqueAndLocationsInsideTheState) {
    for (const auto architecture : {GdbArchitecture::X86_64, GdbArchitecture::I386, GdbArchitecture::I8086}) {
        const RegisterFile file(kEverything, architecture);
        std::set<std::string> names;
        for (const RegisterInfo& info : file.registers()) {
            EXPECT_TRUE(names.insert(info.name).second) << info.name;
            EXPECT_LE(info.location.offset + info.location.size, sizeof(CpuState)) << info.name;
            EXPECT_EQ(info.in_g, info.regno < file.g_count()) << info.name;
        }
    }
}

TEST(RegisterFile, FindsByAlternativeName) {
    const RegisterFile file({});
    EXPECT_EQ(file.find("pc")->name, "rip");
    EXPECT_EQ(file.find("sp")->name, "rsp");
    EXPECT_EQ(file.find(""), nullptr);
    EXPECT_EQ(file.find("nonsense"), nullptr);
    EXPECT_EQ(file.find(100000u), nullptr);
}

// Each register, set to its own pattern, reads back and changes no other.
TEST(RegisterFile, RegistersAreIndependent) {
    const RegisterFile file(kEverything);
    CpuState state;
    std::vector<std::vector<std::byte>> written;
    for (const RegisterInfo& info : file.registers()) {
        std::vector<std::byte> value(info.bytes());
        const std::size_t stored = std::min(info.location.size, value.size());
        for (std::size_t i = 0; i < stored; ++i)
            value[i] = static_cast<std::byte>(info.regno * 7 + i + 1);
        if (info.location.kind == RegisterLocation::Kind::SegmentAttributes)
            value = bytes_of((info.regno * 0x1357u) & 0x1f0ff, value.size());
        ASSERT_TRUE(file.write(state, info.regno, value)) << info.name;
        written.push_back(std::move(value));
    }
    for (const RegisterInfo& info : file.registers()) {
        std::vector<std::byte> value(info.bytes());
        ASSERT_TRUE(file.read(state, info.regno, value));
        EXPECT_EQ(value, written[info.regno]) << info.name;
    }
}

TEST(RegisterFile, PutsValuesWhereTheyBelong) {
    const RegisterFile file(kEverything);
    CpuState state;
    state.general.rip = 0xffffffff81000000;
    state.system.cs.selector = 0x10;
    state.system.cs = {
        .base = 0, .limit = 0xffffffff, .selector = 0x10, .type = 11, .s = 1, .present = 1, .l = 1, .g = 1};
    state.system.gs.base = 0xffff888000000000;
    state.system.cr3 = 0x1234000;
    state.msrs.lstar = 0xffffffff82000000;
    state.debug.dr[3] = 0x33;
    state.xcr0 = 7;
    state.extended.fip = 0x123456789a;
    state.extended.zmm[17][16] = 0x42;
    EXPECT_EQ(read_value(file, state, "rip"), 0xffffffff81000000);
    EXPECT_EQ(read_value(file, state, "cs"), 0x10u);
    EXPECT_EQ(read_value(file, state, "cs_attributes"), 0xa09bu);
    EXPECT_EQ(read_value(file, state, "cs_limit"), 0xffffffffu);
    EXPECT_EQ(read_value(file, state, "gs_base"), 0xffff888000000000);
    EXPECT_EQ(read_value(file, state, "cr3"), 0x1234000u);
    EXPECT_EQ(read_value(file, state, "lstar"), 0xffffffff82000000);
    EXPECT_EQ(read_value(file, state, "dr3"), 0x33u);
    EXPECT_EQ(read_value(file, state, "xcr0"), 7u);
    EXPECT_EQ(read_value(file, state, "fioff"), 0x3456789au);
    EXPECT_EQ(read_value(file, state, "fiseg"), 0x12u);
    EXPECT_EQ(read_value(file, state, "ymm17h"), 0x42u);
}

TEST(RegisterFile, RefusesBadWritesWithoutAChange) {
    const RegisterFile file({});
    const CpuState before;
    CpuState state = before;
    const auto write = [&](std::string_view name, std::uint64_t value, std::size_t size) {
        return file.write(state, file.find(name)->regno, bytes_of(value, size));
    };
    EXPECT_EQ(write("rax", 1, 4).error(), RegisterError::WrongSize);
    EXPECT_EQ(write("rax", 1, 9).error(), RegisterError::WrongSize);
    EXPECT_EQ(write("cs", 0x10000, 4).error(), RegisterError::ValueTooLarge);
    EXPECT_EQ(write("fctrl", 0x1037f, 4).error(), RegisterError::ValueTooLarge);
    EXPECT_EQ(write("gdtr_limit", 0x10000, 4).error(), RegisterError::ValueTooLarge);
    EXPECT_EQ(file.write(state, 9999, bytes_of(0, 8)).error(), RegisterError::NoSuchRegister);
    std::vector<std::byte> out(3);
    EXPECT_EQ(file.read(state, 0, out).error(), RegisterError::WrongSize);
    EXPECT_EQ(state, before);
}

TEST(RegisterFile, KeepsTheUpperHalfThatA32BitNameDoesNotShow) {
    const RegisterFile file({}, GdbArchitecture::I386);
    CpuState state;
    state.general.rax = 0x1122334455667788;
    state.general.rsi = 0x99aabbccddeeff00;
    const CpuState before = state;
    std::vector<std::byte> block;
    file.encode_all(state, block);
    ASSERT_TRUE(file.decode_all(block, state));
    EXPECT_EQ(state, before);
    ASSERT_TRUE(file.write(state, file.find("eax")->regno, bytes_of(5, 4)));
    EXPECT_EQ(state.general.rax, 0x1122334400000005u);
}

TEST(RegisterFile, RoundTripsTheGBlock) {
    const RegisterFile file(kEverything);
    CpuState state;
    state.general.r9 = 0x1122334455667788;
    state.general.rflags = 0x246;
    state.system.fs.selector = 0x53;
    state.extended.st[7][9] = 0x3f;
    state.extended.zmm[31][63] = 0xee;
    state.extended.pkru = 0x55555554;
    std::vector<std::byte> block{std::byte{0xaa}};
    file.encode_all(state, block);
    ASSERT_EQ(block.size(), 1 + file.g_size());
    EXPECT_EQ(block[0], std::byte{0xaa}) << "appended, not overwritten";

    CpuState copy;
    ASSERT_TRUE(file.decode_all(std::span(block).subspan(1), copy));
    EXPECT_EQ(copy, state);
}

TEST(RegisterFile, RefusesAGBlockThatIsWrong) {
    const RegisterFile file({});
    CpuState state;
    std::vector<std::byte> block;
    file.encode_all(state, block);
    EXPECT_EQ(file.decode_all(std::span(block).first(block.size() - 1), state).error(),
              RegisterError::WrongSize);
    block[0] = std::byte{1};
    block[file.find("ss")->offset + 2] = std::byte{1};
    EXPECT_EQ(file.decode_all(block, state).error(), RegisterError::ValueTooLarge);
    EXPECT_EQ(state, CpuState{}) << "nothing is stored if anything is wrong";
}

TEST(SegmentAttributes, ArePackedAsInVmx) {
    const Segment code{.type = 11, .s = 1, .present = 1, .db = 1, .g = 1};
    EXPECT_EQ(pack_attributes(code), 0xc09bu);
    Segment copy;
    unpack_attributes(0x1c0f3, copy);
    EXPECT_EQ(copy.type, 3);
    EXPECT_EQ(copy.dpl, 3);
    EXPECT_EQ(copy.unusable, 1);
    EXPECT_EQ(pack_attributes(copy), 0x1c0f3u);
}

}  // namespace
}  // namespace ringside::x86
