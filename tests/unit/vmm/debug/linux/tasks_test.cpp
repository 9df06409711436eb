#include "vmm/debug/linux/kernel/tasks.h"

#include "tests/unit/vmm/debug/linux/linux_test.h"

namespace ringside::debug {
namespace {

constexpr std::uint64_t kInit = FakeMemory::kBase + 0x1000, kTask = 0x100;
constexpr std::uint64_t kTasks = 0, kPid = 16, kTgid = 20, kParent = 24, kCommand = 32, kMm = 48,
                        kSignal = 56, kThreadNode = 64, kState = 80, kExitState = 84, kOnCpu = 88, kCpu = 92;
constexpr std::uint64_t kMmAt = FakeMemory::kBase + 0x3000, kSignalAt = FakeMemory::kBase + 0x3100;

std::vector<std::byte> types() {
    BtfBuilder btf;
    const auto byte = btf.integer(1), word = btf.integer(4), wide = btf.integer(8),
               name = btf.array(byte, 16);
    const auto list = btf.structure("list_head", 16, {{"next", wide, 0}, {"prev", wide, 8}});
    const auto info = btf.structure("thread_info", 4, {{"cpu", word, 0}});
    btf.structure("task_struct", kTask,
                  {{"tasks", list, kTasks},
                   {"pid", word, kPid},
                   {"tgid", word, kTgid},
                   {"real_parent", wide, kParent},
                   {"comm", name, kCommand},
                   {"mm", wide, kMm},
                   {"signal", wide, kSignal},
                   {"thread_node", list, kThreadNode},
                   {"__state", word, kState},
                   {"exit_state", word, kExitState},
                   {"on_cpu", word, kOnCpu},
                   {"thread_info", info, kCpu}});
    btf.structure("signal_struct", 16, {{"thread_head", list, 0}});
    btf.structure("mm_struct", 16, {{"", btf.structure("", 16, {{"pgd", wide, 8}}), 0}});
    return btf.bytes();
}

class TasksTest : public ::testing::Test {
  protected:
    TasksTest() : symbols(memory) {
        symbols.add("T_stext", FakeMemory::kBase);
        symbols.add("Dinit_\x01", kInit);
        task(0, 0, "swapper/0");
        task(1, 1, "init");
        task(2, 2, "two\x1b");
        link(kTasks, {kInit, at(1), at(2)});
    }
    static std::uint64_t at(std::uint64_t number) { return kInit + number * kTask; }
    void task(std::uint64_t number, std::uint32_t pid, std::string_view name) {
        memory.poke(at(number) + kPid, pid);
        memory.poke(at(number) + kTgid, pid);
        memory.poke(at(number) + kParent, at(0));
        memory.put(at(number) + kCommand, name);
    }
    // A ring of the structures whose links are at `member`.
    void link(std::uint64_t member, const std::vector<std::uint64_t>& ring) {
        for (std::size_t i = 0; i < ring.size(); ++i)
            memory.poke(ring[i] + member, ring[(i + 1) % ring.size()] + member);
    }
    LinuxKernel kernel() { return testing::fake_kernel(memory, types()); }
    std::vector<std::uint64_t> pids(bool threads) {
        const LinuxTasks found = read_tasks(kernel(), threads).value();
        std::vector<std::uint64_t> list;
        for (const LinuxTask& task : found.tasks)
            list.push_back(task.pid);
        return list;
    }

    FakeMemory memory;
    KallsymsBuilder symbols;
};

TEST_F(TasksTest, HaveWhatPsShows) {
    memory.poke(at(2) + kParent, at(1));
    memory.poke(at(2) + kState, 1U);
    memory.poke(at(2) + kCpu, 3U);
    memory.poke(at(2) + kOnCpu, 1U);
    memory.poke(at(2) + kMm, kMmAt);
    memory.poke(kMmAt + 8, FakeMemory::kBase + 0x5000);
    const LinuxTask task = find_task(kernel(), 2).value();
    EXPECT_EQ(task.address, at(2));
    EXPECT_EQ(task.ppid, 1U);
    EXPECT_EQ(task.state, 'S');
    EXPECT_EQ(task.cpu, 3U);
    EXPECT_TRUE(task.runs);
    EXPECT_EQ(task.cr3, 0x5000U);
    EXPECT_EQ(task.command, "two\\x1b");
    EXPECT_THAT(pids(false), ElementsAre(1, 2));
}

TEST_F(TasksTest, StatesHaveTheLettersOfProc) {
    const auto letter = [&](std::uint32_t state, std::uint32_t exit_state) {
        memory.poke(at(1) + kState, state);
        memory.poke(at(1) + kExitState, exit_state);
        return find_task(kernel(), 1)->state;
    };
    EXPECT_EQ(letter(0, 0), 'R');
    EXPECT_EQ(letter(2, 0), 'D');
    EXPECT_EQ(letter(0x402, 0), 'I');
    EXPECT_EQ(letter(0x1000, 0), 'D');
    EXPECT_EQ(letter(0x104, 0), 'T');
    EXPECT_EQ(letter(8, 0), 't');
    EXPECT_EQ(letter(0x80, 0x20), 'Z');
    EXPECT_EQ(letter(0x80, 0x10), 'X');
    EXPECT_EQ(letter(0x40, 0), 'P');
}

TEST_F(TasksTest, ThreadsAreOfTheirProcess) {
    task(3, 30, "worker");
    memory.poke(at(3) + kTgid, 1U);
    memory.poke(at(1) + kSignal, kSignalAt);
    memory.poke(kSignalAt, at(1) + kThreadNode);
    memory.poke(at(1) + kThreadNode, at(3) + kThreadNode);
    memory.poke(at(3) + kThreadNode, kSignalAt);
    EXPECT_THAT(pids(true), ElementsAre(1, 30, 2));
    EXPECT_THAT(pids(false), ElementsAre(1, 2));
    EXPECT_EQ(find_task(kernel(), 30)->tgid, 1U);
    EXPECT_THAT(find_task(kernel(), 31).error().message(), HasSubstr("PID 31: there is none"));
}

TEST_F(TasksTest, AListThatLeadsNowhereEndsAndSaysSo) {
    memory.poke(at(2) + kTasks, at(1) + kTasks);
    EXPECT_THAT(read_tasks(kernel(), false)->incomplete, HasSubstr("in a circle"));
    memory.poke(at(2) + kTasks, std::uint64_t{0});
    const LinuxTasks found = read_tasks(kernel(), true).value();
    EXPECT_THAT(found.incomplete, HasSubstr("cannot be read"));
    EXPECT_THAT(pids(false), ElementsAre(1, 2));
}

TEST_F(TasksTest, WithoutTypesTheErrorSaysWhy) {
    auto tables = read_kernel_tables(memory.memory(), testing::vmcoreinfo());
    ASSERT_TRUE(tables);
    const LinuxKernel bare(memory.memory(), std::make_shared<const KernelTables>(std::move(*tables)));
    EXPECT_THAT(read_tasks(bare, false).error().message(), HasSubstr("CONFIG_DEBUG_INFO_BTF"));
}

TEST_F(TasksTest, SymbolsThatDisagreeWithVmcoreinfoAreRefused) {
    memory.poke(KallsymsBuilder::kPlaces.relative_base, FakeMemory::kBase + 0x1000);
    EXPECT_THAT(read_kernel_tables(memory.memory(), testing::vmcoreinfo()).error().message(),
                HasSubstr("do not agree"));
    EXPECT_THAT(read_kernel_tables(memory.memory(), elf_note("VMCOREINFO", 0, {})).error().message(),
                HasSubstr("Linux 6.0 and later"));
}

// As Linux 5.10 has it: the symbols of a few places, and not where the table of all symbols is.
TEST_F(TasksTest, AKernelBeforeSixIsNamed) {
    const std::string text =
        "OSRELEASE=5.10.0-28-amd64\nPAGESIZE=4096\nSYMBOL(init_uts_ns)=ffffffff82614cc0\n"
        "SYMBOL(_stext)=ffffffff81000000\nOFFSET(list_head.next)=0\nKERNELOFFSET=0\n";
    const auto tables = read_kernel_tables(
        memory.memory(), elf_note("VMCOREINFO", 0, std::as_bytes(std::span(std::string_view(text)))));
    EXPECT_THAT(tables.error().message(),
                AllOf(HasSubstr("this kernel, Linux 5.10.0-28-amd64, does not say where they are"),
                      HasSubstr("Linux 6.0 and later")));
}

}  // namespace
}  // namespace ringside::debug
