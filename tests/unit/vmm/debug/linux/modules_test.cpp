#include "vmm/debug/linux/kernel/modules.h"

#include <elf.h>

#include "tests/unit/vmm/debug/linux/linux_test.h"

namespace ringside::debug {
namespace {

constexpr std::uint64_t kBase = FakeMemory::kBase, kHead = kBase + 0x100;
constexpr std::uint64_t kFirst = kBase + 0x1000, kSecond = kBase + 0x2000, kUse = kBase + 0x3000;
constexpr std::uint64_t kState = 0, kList = 8, kName = 24, kCore = 80, kInit = 96, kUses = 112, kUsers = 120,
                        kSymbols = 136;

// As Linux 6.1 has them, or as 6.4 and later do.
std::vector<std::byte> types(bool parts_are_an_array) {
    BtfBuilder btf;
    const auto byte = btf.integer(1), word = btf.integer(4), wide = btf.integer(8),
               name = btf.array(byte, 56);
    const auto list = btf.structure("list_head", 16, {{"next", wide, 0}, {"prev", wide, 8}});
    const auto counter = btf.structure("", 4, {{"counter", word, 0}});
    std::vector<BtfBuilder::Member> members{{"state", word, kState},       {"list", list, kList},
                                            {"name", name, kName},         {"refcnt", counter, kUses},
                                            {"source_list", list, kUsers}, {"kallsyms", wide, kSymbols}};
    const auto part = btf.structure(parts_are_an_array ? "module_memory" : "module_layout", 16,
                                    {{"base", wide, 0}, {"size", word, 8}});
    if (parts_are_an_array) {
        members.push_back({"mem", btf.array(part, 2), kCore});
    } else {
        members.push_back({"core_layout", part, kCore});
        members.push_back({"init_layout", part, kInit});
    }
    btf.structure("module", 0x200, members);
    btf.structure("module_use", 48, {{"source_list", list, 0}, {"source", wide, 32}});
    btf.structure("mod_kallsyms", 24, {{"symtab", wide, 0}, {"num_symtab", word, 8}, {"strtab", wide, 16}});
    return btf.bytes();
}

class ModulesTest : public ::testing::Test {
  protected:
    ModulesTest() : symbols(memory) {
        symbols.add("T_stext", kBase);
        symbols.add("Dmodules", kHead);
        module(kFirst, "first", kBase + 0x8000, 0x1000);
        module(kSecond, "second", kBase + 0xa000, 0x2000);
        link({kHead, kFirst + kList, kSecond + kList});
        memory.poke(kFirst + kUses, 2U);
        // The second uses the first.
        memory.poke(kFirst + kUsers, kUse);
        memory.poke(kUse, kFirst + kUsers);
        memory.poke(kUse + 32, kSecond);
    }
    void module(std::uint64_t at, std::string_view name, std::uint64_t code, std::uint32_t size) {
        memory.put(at + kName, name);
        memory.poke(at + kCore, code);
        memory.poke(at + kCore + 8, size);
        memory.poke(at + kInit + 8, 0x10U);
        memory.poke(at + kUses, 1U);
        memory.poke(at + kUsers, at + kUsers);
    }
    void link(const std::vector<std::uint64_t>& ring) {
        for (std::size_t i = 0; i < ring.size(); ++i)
            memory.poke(ring[i], ring[(i + 1) % ring.size()]);
    }
    Result<LinuxModules> read(bool parts_are_an_array = false) {
        return read_modules(testing::fake_kernel(memory, types(parts_are_an_array)));
    }

    FakeMemory memory;
    KallsymsBuilder symbols;
};

TEST_F(ModulesTest, HaveWhatProcModulesShows) {
    for (const bool array : {false, true}) {
        const auto found = read(array);
        ASSERT_TRUE(found) << found.error().message();
        ASSERT_EQ(found->modules.size(), 2U);
        const LinuxModule& first = found->modules[0];
        EXPECT_EQ(first.name, "first");
        EXPECT_EQ(first.address, kBase + 0x8000);
        EXPECT_EQ(first.code_size, 0x1000U);
        EXPECT_EQ(first.size, 0x1010U);
        EXPECT_EQ(first.uses, 1U);
        EXPECT_EQ(first.state, "Live");
        EXPECT_THAT(first.used_by, ElementsAre("second"));
        EXPECT_EQ(found->modules[1].uses, 0U);
        EXPECT_THAT(found->modules[1].used_by, ElementsAre());
        EXPECT_EQ(found->incomplete, "");
    }
}

TEST_F(ModulesTest, OneThatIsNotFormedYetIsNotShown) {
    memory.poke(kFirst + kState, 3U);
    memory.poke(kSecond + kState, 2U);
    const auto found = read();
    ASSERT_EQ(found->modules.size(), 1U);
    EXPECT_EQ(found->modules[0].state, "Unloading");
}

TEST_F(ModulesTest, AListThatLeadsNowhereEnds) {
    memory.poke(kSecond + kList, kFirst + kList);
    EXPECT_THAT(read()->incomplete, HasSubstr("in a circle"));
    memory.poke(kUse, kUse);
    EXPECT_EQ(read()->modules[0].used_by.size(), 1U);
}

TEST_F(ModulesTest, HaveSymbolsOfTheirOwn) {
    const std::uint64_t own = kBase + 0x4000, table = kBase + 0x4100, names = kBase + 0x4200;
    memory.poke(kFirst + kSymbols, own);
    memory.poke(own, table);
    memory.poke(own + 8, 3U);
    memory.poke(own + 16, names);
    memory.put(names + 1, "start");
    memory.put(names + 10, "later");
    const auto symbol = [&](std::uint64_t index, std::uint32_t name, std::uint64_t value) {
        Elf64_Sym entry{};
        entry.st_name = name, entry.st_shndx = 1, entry.st_value = value;
        std::memcpy(memory.bytes.data() + (table - kBase) + index * sizeof entry, &entry, sizeof entry);
    };
    symbol(1, 1, kBase + 0x8000);
    symbol(2, 10, kBase + 0x8100);
    const LinuxKernel kernel = testing::fake_kernel(memory, types(false));
    const LinuxModules found = read_modules(kernel).value();
    EXPECT_EQ(module_place(kernel, found.modules[0], kBase + 0x80ff), "start+0xff");
    EXPECT_EQ(module_place(kernel, found.modules[0], kBase + 0x8104), "later+0x4");
    EXPECT_EQ(module_place(kernel, found.modules[1], kBase + 0xa010), "0x10") << "it has none";
}

}  // namespace
}  // namespace ringside::debug
