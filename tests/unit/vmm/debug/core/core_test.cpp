#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>

#include "tests/unit/vmm/debug/guest/test_guest.h"
#include "vmm/debug/core/core_file.h"
#include "vmm/debug/core/core_memory.h"
#include "vmm/debug/core/core_target.h"
#include "vmm/debug/dump/vmcore.h"

namespace ringside::debug {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TestGuest;

TEST(CoreMemory, HasEachByteOnce) {
    EXPECT_THAT(disjoint({{0x3000, 0x103000, 0x1000}, {0, 0x100000, 0x2000}, {0x1000, 0x101000, 0x1000}}),
                ElementsAre(FileSegment{0, 0x100000, 0x2000}, FileSegment{0x3000, 0x103000, 0x1000}));
    EXPECT_THAT(disjoint({{0x1000, 0x101000, 0x2000}, {0, 0x100000, 0x2000}}),
                ElementsAre(FileSegment{0, 0x100000, 0x3000}))
        << "neighbours in memory and in the file";
    EXPECT_THAT(disjoint({{0, 0x100000, 0x1000}, {0x1000, 0x900000, 0x1000}, {0, 0x100000, 0}}),
                ElementsAre(FileSegment{0, 0x100000, 0x1000}, FileSegment{0x1000, 0x900000, 0x1000}));
}

class CoreFileTest : public ::testing::Test {
  protected:
    CoreFileTest() {
        guest.state.general.rip = TestGuest::kMapped + 5;
        guest.state.system.ds.present = 1;
        guest.state.debug.dr[1] = 0x1234;
        guest.poke<std::uint32_t>(0x102000, 0x12345678);
    }
    ~CoreFileTest() override { ::unlink(path.c_str()); }

    void write(bool with_registers) {
        const x86::RegisterFile file({});
        Vmcore core{.vcpus = {guest.state, guest.state}};
        for (const x86::CpuState& state : core.vcpus) {
            if (with_registers)
                core.register_notes.push_back(registers_note(file, state, [](const auto&) { return true; }));
        }
        ASSERT_TRUE(write_vmcore(path, core, guest.view, {}));
    }
    std::string refusal() const {
        const auto core = CoreFile::open(path);
        return core ? "" : core.error().message();
    }

    TestGuest guest;
    const std::string path = ::testing::TempDir() + "core_test." + std::to_string(::getpid());
};

TEST_F(CoreFileTest, ReadsBackWhatWasWritten) {
    write(true);
    auto core = CoreFile::open(path);
    ASSERT_TRUE(core) << core.error().message();
    ASSERT_EQ(core->vcpus.size(), 2U);
    EXPECT_EQ(core->vcpus[1].state.general.rip, TestGuest::kMapped + 5);
    EXPECT_EQ(core->vcpus[1].state.system.efer, guest.state.system.efer);
    EXPECT_EQ(core->vcpus[1].state.debug.dr[1], 0x1234U);
    std::vector<gdbstub::StopEvent> stops;
    CoreTarget target(
        std::move(*core), [] {}, [&](const gdbstub::StopEvent& stop) { stops.push_back(stop); });
    std::uint32_t value = 0;
    const auto out = std::as_writable_bytes(std::span(&value, 1));
    EXPECT_EQ(target.target().memory.read({1}, TestGuest::kMapped + 0x1000, out), 4U);
    EXPECT_EQ(value, 0x12345678U);
    EXPECT_FALSE(target.target().memory.read({1}, TestGuest::kHole, out));
    EXPECT_FALSE(target.target().memory.read({3}, TestGuest::kMapped, out)) << "no such vCPU";
    const std::array resumed{gdbstub::ThreadResume{{2}, gdbstub::Continue{}}};
    EXPECT_TRUE(target.target().execution.resume(resumed));
    ASSERT_EQ(stops.size(), 1U) << "it stops at once";
    EXPECT_EQ(stops[0].thread, gdbstub::ThreadId{2});
    EXPECT_THAT(stops[0].console, HasSubstr("nothing can run"));
}

TEST_F(CoreFileTest, AnAddressSpaceCanBeChosen) {
    write(true);
    auto core = CoreFile::open(path);
    ASSERT_TRUE(core) << core.error().message();
    CoreTarget target(
        std::move(*core), [] {}, [](const auto&) {});
    EXPECT_TRUE(target.choose_address_space(guest.state.system.cr3));
    EXPECT_FALSE(target.choose_address_space(std::uint64_t{1} << 40)) << "no memory is there";
    EXPECT_TRUE(target.choose_address_space(std::nullopt));
}

TEST_F(CoreFileTest, WithoutItsOwnNoteItKnowsWhatQemusNoteHas) {
    write(false);
    const auto core = CoreFile::open(path);
    ASSERT_TRUE(core) << core.error().message();
    const x86::RegisterFile file({});
    const auto known = [&](std::string_view name) { return core->vcpus[0].known(*file.find(name)); };
    EXPECT_TRUE(known("rip") && known("cr3") && known("gs_base") && known("k_gs_base"));
    EXPECT_FALSE(known("efer") || known("xmm0") || known("dr7") || known("lstar") || known("cr8"));
}

// A mapped file would end the process here.
TEST_F(CoreFileTest, AFileThatIsCutWhileItIsOpenHasNoMemoryLeft) {
    write(true);
    auto core = CoreFile::open(path);
    ASSERT_TRUE(core) << core.error().message();
    std::array<std::byte, 64> out{};
    ASSERT_TRUE(core->memory.read(Gpa{0x102000}, out));
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    constexpr auto kMissing = static_cast<off_t>(TestGuest::kSize - 0x102010);
    ASSERT_EQ(::truncate(path.c_str(), status.st_size - kMissing), 0);
    EXPECT_EQ(core->memory.copy_prefix(Gpa{0x102000}, out), 16U) << "what the file still has";
    EXPECT_FALSE(core->memory.read(Gpa{0x102000}, out));
    EXPECT_EQ(core->memory.copy_prefix(Gpa{0x103000}, out), 0U);
    EXPECT_TRUE(core->memory.contains(Gpa{0x103000}, 64));
    EXPECT_TRUE(core->memory.span(Gpa{0x102000}, 4).empty()) << "nothing is mapped";
}

// Whatever the length, there is an error and nothing worse.
TEST_F(CoreFileTest, ATruncatedFileIsAnError) {
    write(true);
    std::ifstream file(path, std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(file), {}};
    const std::uint64_t header = whole.size() - TestGuest::kSize;
    std::vector<std::uint64_t> sizes{whole.size() - 1, whole.size() - 4096, header + 1};
    for (std::uint64_t size = header; size > 0; --size)
        sizes.push_back(size - 1);
    for (const std::uint64_t size : sizes) {
        ASSERT_EQ(::truncate(path.c_str(), static_cast<off_t>(size)), 0);
        EXPECT_NE(refusal(), "") << size;
    }
}

// Each byte of the tables and notes turned over: opened or refused, but never a crash.
TEST_F(CoreFileTest, ADamagedFileDoesNoHarm) {
    write(true);
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    std::string start(4096, '\0');
    file.read(start.data(), static_cast<std::streamsize>(start.size()));
    constexpr std::array kFlips{0x01, 0x80, 0xff};
    for (std::size_t i = 0; i < start.size(); ++i) {
        const int flipped = start[i] ^ kFlips[i % kFlips.size()];
        file.seekp(static_cast<std::streamoff>(i)).put(static_cast<char>(flipped)).flush();
        const auto core = CoreFile::open(path);
        if (core) {
            EXPECT_FALSE(core->vcpus.empty());
        }
        file.seekp(static_cast<std::streamoff>(i)).put(start[i]).flush();
    }
    EXPECT_EQ(refusal(), "");
}

TEST_F(CoreFileTest, SaysWhatIsMissing) {
    EXPECT_THAT(refusal(), HasSubstr("No such file"));
    std::ofstream(path) << "hello";
    EXPECT_THAT(refusal(), HasSubstr("it is not an ELF file"));
    ASSERT_TRUE(write_vmcore(path, {.vcpus = {guest.state}}, guest.view, {}));
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(offsetof(Elf64_Ehdr, e_type)).put(ET_EXEC).flush();
    EXPECT_THAT(refusal(), HasSubstr("no core file"));
}

}  // namespace
}  // namespace ringside::debug
