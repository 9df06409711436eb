#include "vmm/debug/linux/kernel/log.h"

#include "tests/unit/vmm/debug/linux/linux_test.h"

namespace ringside::debug {
namespace {

constexpr std::uint64_t kRing = FakeMemory::kBase + 0x1000, kRecords = kRing, kTexts = kRing + 48;
constexpr std::uint64_t kDescriptors = FakeMemory::kBase + 0x2000, kInfos = FakeMemory::kBase + 0x3000;
constexpr std::uint64_t kData = FakeMemory::kBase + 0x4000, kVariable = FakeMemory::kBase + 0x800;
constexpr std::uint64_t kCount = 4, kSize = 256;
constexpr std::uint64_t kFinalized = std::uint64_t{2} << 62, kReusable = std::uint64_t{3} << 62;
// As Linux 6.1 has it, which is enough without BTF.
constexpr std::string_view kLayout =
    "SYMBOL(prb)=ffffffff81000800\n"
    "OFFSET(printk_ringbuffer.desc_ring)=0\nOFFSET(printk_ringbuffer.text_data_ring)=48\n"
    "OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\nOFFSET(prb_desc_ring.infos)=16\n"
    "OFFSET(prb_desc_ring.head_id)=24\nOFFSET(prb_desc_ring.tail_id)=32\n"
    "SIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\nOFFSET(prb_desc.text_blk_lpos)=8\n"
    "OFFSET(prb_data_blk_lpos.begin)=0\nOFFSET(prb_data_blk_lpos.next)=8\n"
    "SIZE(printk_info)=88\nOFFSET(printk_info.seq)=0\nOFFSET(printk_info.ts_nsec)=8\nOFFSET(printk_info.text_"
    "len)=16\n"
    "OFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8\n";

class LogTest : public ::testing::Test {
  protected:
    LogTest() : symbols(memory) {
        symbols.add("T_stext", FakeMemory::kBase);
        memory.poke(kVariable, kRing);
        memory.poke(kRecords, 2U);
        memory.poke(kRecords + 8, kDescriptors);
        memory.poke(kRecords + 16, kInfos);
        memory.poke(kTexts, 8U);
        memory.poke(kTexts + 8, kData);
    }
    void ids(std::uint64_t tail, std::uint64_t head) {
        memory.poke(kRecords + 24, head);
        memory.poke(kRecords + 32, tail);
    }
    void record(std::uint64_t id, std::uint64_t begin, std::uint64_t next, std::string_view text,
                std::uint64_t state = kFinalized) {
        const std::uint64_t descriptor = kDescriptors + id % kCount * 24, info = kInfos + id % kCount * 88;
        memory.poke(descriptor, state | id);
        memory.poke(descriptor + 8, begin);
        memory.poke(descriptor + 16, next);
        memory.poke(info, id);
        memory.poke(info + 8, id * 1'500'000'000);
        memory.poke(info + 16, static_cast<std::uint16_t>(text.size()));
        // Behind its ID; at the start of the ring if it does not fit before the end.
        const bool wraps = begin / kSize != next / kSize && next % kSize != 0;
        if ((begin & 1) == 0)
            memory.put(kData + (wraps ? 0 : begin % kSize) + 8, text);
    }
    Result<KernelLog> read() {
        auto tables = read_kernel_tables(memory.memory(), testing::vmcoreinfo(kLayout));
        return read_log(
            LinuxKernel(memory.memory(), std::make_shared<const KernelTables>(std::move(*tables))));
    }

    FakeMemory memory;
    KallsymsBuilder symbols;
};

TEST_F(LogTest, IsShownLineByLine) {
    ids(1, 3);
    record(1, 0, 24, "first\nagain");
    record(2, 24, 40, "\x1b[2J");
    record(3, 3, 3, "");
    const auto log = read();
    ASSERT_TRUE(log) << log.error().message();
    EXPECT_EQ(log_text(*log),
              "[    1.500000] first\n[    1.500000] again\n[    3.000000] \\x1b[2J\n[    4.500000] \n");
    EXPECT_EQ(log->unreadable, 0U);
    EXPECT_FALSE(log->records[0].level) << "VMCOREINFO does not have it";
}

TEST_F(LogTest, WrapsAtTheEndOfItsRings) {
    ids(6, 8);
    record(6, 216, 232, "last");
    record(7, 232, kSize + 24, "wrapped");
    record(8, kSize + 24, 2 * kSize, "to the end");
    EXPECT_EQ(log_text(read().value()),
              "[    9.000000] last\n[   10.500000] wrapped\n[   12.000000] to the end\n");
}

TEST_F(LogTest, CountsWhatCannotBeRead) {
    ids(0, 3);
    record(0, 0, 0, "", kReusable);      // the descriptor that exists before the first record
    record(1, 0, 24, "written now", 0);  // reserved
    record(2, 24, 28, "");               // no room for the ID
    record(3, 32, 64, "good");
    EXPECT_EQ(log_text(*read()), "[    4.500000] good\n");
    EXPECT_EQ(read()->unreadable, 2U);
    record(2, 1, 1, "");  // its text did not fit
    EXPECT_EQ(read()->unreadable, 2U);
}

TEST_F(LogTest, ALengthIsNotBelievedBeyondTheRecordsRoom) {
    ids(1, 1);
    record(1, 0, 24, "abc");
    memory.poke<std::uint16_t>(kInfos + 88 + 16, 0xffff);
    EXPECT_EQ(read()->records.at(0).text.size(), 16U);
}

TEST_F(LogTest, ARingThatIsTooLargeIsRefused) {
    memory.poke(kRecords, 40U);
    EXPECT_FALSE(read());
    memory.poke(kRecords, 2U);
    memory.poke(kTexts, 63U);
    EXPECT_FALSE(read());
}

TEST_F(LogTest, IdsThatNeverMeetEnd) {
    ids(1, 1000);
    EXPECT_EQ(read()->unreadable, kCount);
}

TEST_F(LogTest, MissingMemoryIsAnErrorOrAGap) {
    ids(1, 1);
    record(1, 0, 24, "abc");
    memory.poke(kTexts + 8, std::uint64_t{0x1000});
    EXPECT_EQ(read()->unreadable, 1U);
    memory.poke(kVariable, std::uint64_t{0});
    EXPECT_FALSE(read());
}

}  // namespace
}  // namespace ringside::debug
