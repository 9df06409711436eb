#include "vmm/debug/dump/vmcore.h"

#include <elf.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/procfs.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "tests/unit/vmm/debug/guest/test_guest.h"
#include "vmm/debug/dump/notes.h"
#include "vmm/debug/dump/progress_line.h"
#include "vmm/debug/dump/segments.h"
#include "vmm/debug/dump/vmcoreinfo.h"

namespace ringside::debug {
namespace {

using ::testing::ElementsAre;
using testing::TestGuest;

template <typename T>
T at(std::span<const std::byte> bytes, std::size_t offset) {
    T value;
    std::memcpy(&value, bytes.subspan(offset, sizeof value).data(), sizeof value);
    return value;
}

x86::MappedPage page(std::uint64_t gva, std::uint64_t gpa, std::uint64_t size) {
    x86::MappedPage p;
    p.gva = Gva{gva}, p.gpa = Gpa{gpa}, p.size = size;
    return p;
}

TEST(Notes, ArePaddedToFourBytes) {
    const std::array content{std::byte{1}};
    const Bytes note = elf_note("CORE", 7, content);
    EXPECT_EQ(note.size(), 12U + 8U + 4U);
    EXPECT_EQ(at<std::uint32_t>(note, 0), 5U);
    EXPECT_EQ(at<std::uint32_t>(note, 4), 1U);
    EXPECT_EQ(at<std::uint32_t>(note, 8), 7U);
}

TEST(Notes, PrstatusHasTheRegistersInLinuxsOrder) {
    x86::CpuState state;
    state.general.r15 = 15, state.general.rip = 0x1234, state.general.rsp = 0x5678;
    state.system.cs.selector = 0x10, state.system.gs.base = 0xffff888000000000;
    const auto status = at<elf_prstatus>(prstatus_note(3, state), 20);
    EXPECT_EQ(status.pr_pid, 3);
    EXPECT_EQ(status.pr_reg[0], 15U);
    EXPECT_EQ(status.pr_reg[16], 0x1234U);
    EXPECT_EQ(status.pr_reg[17], 0x10U);
    EXPECT_EQ(status.pr_reg[19], 0x5678U);
    EXPECT_EQ(status.pr_reg[22], 0xffff888000000000U);
}

TEST(Notes, OfQemusFormReadBack) {
    x86::CpuState state;
    state.general.rax = 1, state.general.r15 = 15, state.general.rip = 0x1234;
    state.system.cs = {
        .base = 0, .limit = 0xffffffff, .selector = 0x10, .type = 11, .s = 1, .present = 1, .l = 1, .g = 1};
    state.system.ldtr.unusable = 1;
    for (x86::Segment* s : {&state.system.ds, &state.system.es, &state.system.fs, &state.system.gs,
                            &state.system.ss, &state.system.tr})
        s->present = 1;
    state.system.idtr = {0xfffffe0000000000, 0xfff};
    state.system.cr3 = 0x1000, state.system.efer = 0xd00;
    state.msrs.kernel_gs_base = 7;
    const Bytes note = qemu_note(state);
    const auto content = std::span(note).subspan(12 + 8);
    const auto back = from_qemu_note(content, true);
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, state);
    for (std::size_t size = 0; size < content.size(); ++size)
        EXPECT_FALSE(from_qemu_note(content.first(size), true));
}

TEST(Segments, MergeWhatIsContiguousInBothSpaces) {
    SegmentList list({{0, 0x10000}}, 100);
    EXPECT_TRUE(list.add(page(0x400000, 0x1000, 0x1000)));
    EXPECT_TRUE(list.add(page(0x401000, 0x2000, 0x1000)));
    EXPECT_TRUE(list.add(page(0x402000, 0x8000, 0x1000)));
    EXPECT_THAT(std::move(list).finish(),
                ElementsAre(CoreSegment{0x400000, 0x1000, 0x2000}, CoreSegment{0x402000, 0x8000, 0x1000},
                            CoreSegment{0, 0, 0x1000}, CoreSegment{0x3000, 0x3000, 0x5000},
                            CoreSegment{0x9000, 0x9000, 0x7000}));
}

TEST(Segments, KeepOnlyWhatIsMemory) {
    SegmentList list({{0, 0x3000}, {0x100000, 0x1000}}, 100);
    EXPECT_TRUE(list.add(page(0x200000, 0, 0x200000)));
    EXPECT_TRUE(list.add(page(0x400000, 0xfee00000, 0x1000)));
    EXPECT_THAT(std::move(list).finish(),
                ElementsAre(CoreSegment{0x200000, 0, 0x3000}, CoreSegment{0x300000, 0x100000, 0x1000}));
}

TEST(Segments, SayWhenTheyAreTooMany) {
    SegmentList list({{0, 0x10000}}, 1);
    EXPECT_TRUE(list.add(page(0x400000, 0x1000, 0x1000)));
    EXPECT_FALSE(list.add(page(0x500000, 0x1000, 0x1000)));
}

TEST(CoreHeaders, PlaceMemoryBehindTheNotes) {
    const std::array memory{PhysicalRange{0, 0x2000}, PhysicalRange{0x100000, 0x1000}};
    const std::array segments{CoreSegment{0xffff0000, 0x100000, 0x1000}};
    const CoreHeader header = core_header(segments, memory, elf_note("X", 1, {}));
    EXPECT_EQ(header.memory_offset, 4096U);
    EXPECT_EQ(header.bytes.size(), 4096U);
    EXPECT_EQ(at<Elf64_Ehdr>(header.bytes, 0).e_phnum, 2);
    const auto load = at<Elf64_Phdr>(header.bytes, sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr));
    EXPECT_EQ(load.p_offset, 4096U + 0x2000U);
    EXPECT_EQ(load.p_vaddr, 0xffff0000U);
    EXPECT_EQ(load.p_paddr, 0x100000U);
}

class VmcoreTest : public ::testing::Test {
  protected:
    // Linux's note, at the start of a page.
    void put_vmcoreinfo(std::uint64_t gpa, std::string_view text) {
        const Bytes note = elf_note("VMCOREINFO", 0, std::as_bytes(std::span(text)));
        std::ranges::copy(note, guest.memory.span(Gpa{gpa}, note.size()).begin());
    }
    Bytes written() {
        std::ifstream file(path, std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        const auto bytes = std::as_bytes(std::span(text));
        return {bytes.begin(), bytes.end()};
    }

    TestGuest guest;
    const std::string path = ::testing::TempDir() + "vmcore_test." + std::to_string(::getpid());
};

TEST_F(VmcoreTest, FindsVmcoreinfo) {
    EXPECT_FALSE(find_vmcoreinfo(guest.view, guest.state.system, {}));
    put_vmcoreinfo(0x9000, "SOMETHING=1\n");
    EXPECT_FALSE(find_vmcoreinfo(guest.view, guest.state.system, {}));
    put_vmcoreinfo(0xa000, "OSRELEASE=6.1\n");
    const auto found = find_vmcoreinfo(guest.view, guest.state.system, {});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->note.size(), 12U + 12U + 16U);
    EXPECT_EQ(found->place.address, 0xa000U);
}

TEST_F(VmcoreTest, PrefersTheNoteThatTheKernelNames) {
    put_vmcoreinfo(0x9000, "OSRELEASE=old\n");
    put_vmcoreinfo(0xa040, "OSRELEASE=named\n");  // no page's start
    const auto release = [&](std::optional<NotePlace> named) {
        const auto found = find_vmcoreinfo(guest.view, guest.state.system, named);
        return found ? std::string(vmcoreinfo_value(found->note, "OSRELEASE").value_or("")) : "";
    };
    EXPECT_EQ(release({}), "old");
    EXPECT_EQ(release(NotePlace{0xa040, 0x1000}), "named");
    // What a guest names may be anything.
    EXPECT_EQ(release(NotePlace{0xa040, 8}), "old") << "longer than was said";
    EXPECT_EQ(release(NotePlace{0xb000, 0x1000}), "old") << "no note there";
    EXPECT_EQ(release(NotePlace{TestGuest::kSize - 16, 0x1000}), "old");
    EXPECT_EQ(release(NotePlace{~std::uint64_t{0}, ~std::uint64_t{0}}), "old");
}

TEST_F(VmcoreTest, PrefersTheNoteOfTheKernelThatIsMapped) {
    const std::uint64_t text = TestGuest::kMapped + 0x1000, gpa = 0x102000;
    const auto base = static_cast<std::int64_t>(gpa - (text - 0xffffffff80000000));
    const auto note = [](std::string_view name, std::uint64_t start, std::int64_t phys_base) {
        return fmt::format("OSRELEASE={}\nSYMBOL(_stext)={:x}\nNUMBER(phys_base)={}\n", name, start,
                           phys_base);
    };
    put_vmcoreinfo(0x9000, note("elsewhere", text, base + 0x1000));
    put_vmcoreinfo(0xa000, note("unmapped", TestGuest::kHole, base));
    put_vmcoreinfo(0xb000, note("this", text, base));
    const auto found = find_vmcoreinfo(guest.view, guest.state.system, {});
    ASSERT_TRUE(found);
    EXPECT_EQ(vmcoreinfo_value(found->note, "OSRELEASE"), "this");
    EXPECT_EQ(vmcoreinfo_value(found->note, "OSREL"), std::nullopt);
}

TEST(ProgressLines, ComeOnceASecond) {
    std::vector<std::string> lines;
    auto now = std::chrono::steady_clock::time_point{};
    ProgressLine progress([&](const std::string& line) { lines.push_back(line); }, [&] { return now; });
    now += std::chrono::hours(1);
    progress.begin();
    for (std::uint64_t done = 0; done <= 8; ++done) {
        progress.report(done << 20, 8 << 20);
        now += std::chrono::milliseconds(400);
    }
    EXPECT_THAT(lines, ElementsAre("dump: 3 of 8 MiB", "dump: 6 of 8 MiB"));
}

TEST_F(VmcoreTest, ReportsItsProgress) {
    std::uint64_t last = 0;
    const auto report = [&](std::uint64_t done, std::uint64_t memory) {
        EXPECT_GT(done, last);
        EXPECT_EQ(memory, TestGuest::kSize);
        last = done;
    };
    ASSERT_TRUE(write_vmcore(path, {.vcpus = {guest.state}}, guest.view, report));
    EXPECT_EQ(last, TestGuest::kSize);
    ::unlink(path.c_str());
}

TEST_F(VmcoreTest, HidesBreakpointsAndLeavesZerosOut) {
    guest.poke<std::uint8_t>(0x102000, 0xcc);
    guest.planted.original[Gpa{0x102000}] = std::byte{0x55};
    const auto summary = write_vmcore(path, {.vcpus = {guest.state}}, guest.view, {});
    ASSERT_TRUE(summary) << summary.error().message();
    EXPECT_EQ(summary->memory, TestGuest::kSize);
    EXPECT_EQ(summary->written, 5U * 4096U) << "four page tables and the page with the breakpoint";
    EXPECT_FALSE(summary->vmcoreinfo);
    EXPECT_TRUE(summary->all_mappings);
    const Bytes file = written();
    ASSERT_EQ(file.size(), 4096U + TestGuest::kSize);
    EXPECT_EQ(file[4096 + 0x102000], std::byte{0x55});
    ::unlink(path.c_str());
}

TEST_F(VmcoreTest, SaysWhyThereIsNoFile) {
    const auto summary = write_vmcore("/nonexistent/vmcore", {.vcpus = {guest.state}}, guest.view, {});
    ASSERT_FALSE(summary);
    EXPECT_THAT(summary.error().message(), ::testing::HasSubstr("create /nonexistent/vmcore: No such file"));
}

}  // namespace
}  // namespace ringside::debug
