#include "vmm/exits/hardware/tracepoint_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vmm/exits/hardware/tracepoint_formats.h"

namespace ringside::exits {
namespace {

TEST(TracepointFormat, Linux618) {
    const auto format = parse_tracepoint_format(kExitFormat618);
    ASSERT_TRUE(format) << format.error().message();
    EXPECT_EQ(format->name, "kvm_exit");
    EXPECT_EQ(format->id, 103U);
    ASSERT_NE(format->find("exit_reason"), nullptr);
    EXPECT_EQ(*format->find("exit_reason"), (TracepointField{"exit_reason", 8, 4}));
    EXPECT_EQ(*format->find("error_code"), (TracepointField{"error_code", 52, 4}));
    EXPECT_EQ(*format->find("requests"), (TracepointField{"requests", 64, 8}));
    EXPECT_EQ(format->find("no_such"), nullptr);

    ASSERT_EQ(format->symbols.size(), 2U);
    EXPECT_EQ(format->symbols[0].at(48), "EPT_VIOLATION");
    EXPECT_EQ(format->symbols[0].at(84), "MSR_READ_IMM");
    EXPECT_EQ(format->symbols[1].at(0x72), "cpuid");
    EXPECT_EQ(format->symbols[1].at(0x4e), "PF excp") << "written as 0x040 + 14";
    EXPECT_EQ(format->symbols[1].at(0x400), "npf");
    EXPECT_EQ(format->symbols[1].at(0xffffffff), "invalid_guest_state") << "written as -1";
}

TEST(TracepointFormat, OlderLayout) {
    const auto format = parse_tracepoint_format(kExitFormatOld);
    ASSERT_TRUE(format) << format.error().message();
    EXPECT_EQ(format->id, 1803U);
    EXPECT_EQ(format->find("intr_info"), nullptr);
    EXPECT_EQ(format->symbols.at(0).at(10), "CPUID");
    EXPECT_EQ(format->symbols.at(1).at(0x400), "npf");
}

TEST(TracepointFormat, ReadsFieldsWithinTheRecordOnly) {
    const auto format = parse_tracepoint_format(kExitFormat618);
    ASSERT_TRUE(format);
    std::vector<std::byte> record(72);
    record[8] = std::byte{0x34};
    record[9] = std::byte{0x12};
    record[39] = std::byte{0x80};
    EXPECT_EQ(format->read(record, "exit_reason"), 0x1234U);
    EXPECT_EQ(format->read(record, "info1"), 0x8000000000000000U);
    EXPECT_FALSE(format->read(record, "no_such"));
    EXPECT_EQ(format->read(std::span(record).first(12), "exit_reason"), 0x1234U);
    EXPECT_FALSE(format->read(std::span(record).first(11), "exit_reason"));
}

TEST(TracepointFormat, DynamicAndHugeFieldsAreNoNumbers) {
    const auto format = parse_tracepoint_format(
        "name: x\nID: 1\nfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
        "field:u64 far;\toffset:4294967295;\tsize:8;\tsigned:0;\n");
    ASSERT_TRUE(format);
    const std::vector<std::byte> record(64);
    EXPECT_FALSE(format->read(record, "comm[16]"));
    EXPECT_FALSE(format->read(record, "far"));
}

TEST(TracepointFormat, NonsenseIsAnError) {
    for (const char* text :
         {"", "name: x\n", "name: x\nID: 7\n", "name: x\nID: many\nfield:u8 a;\toffset:0;\tsize:1;\n"})
        EXPECT_FALSE(parse_tracepoint_format(text)) << text;
}

TEST(TracepointFormat, SurvivesTruncationAnywhere) {
    for (std::size_t size = 0; size < kExitFormat618.size(); size += 3) {
        const auto format = parse_tracepoint_format(kExitFormat618.substr(0, size));
        EXPECT_LE(format ? format->symbols.size() : 0U, 2U);
    }
}

}  // namespace
}  // namespace ringside::exits
