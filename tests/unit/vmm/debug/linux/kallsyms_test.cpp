#include "vmm/debug/linux/kernel/kallsyms.h"

#include "tests/unit/vmm/debug/linux/linux_test.h"

namespace ringside::debug {
namespace {

constexpr std::uint64_t kBase = FakeMemory::kBase;

class KallsymsTest : public ::testing::Test {
  protected:
    KallsymsTest() : builder(memory) {
        builder.add("Aper_cpu", 0x40);
        builder.add("T_stext", kBase);
        builder.add("tschedule", kBase + 0x100);
        builder.add("Talso_schedule", kBase + 0x100);
        builder.add("Dinit_\x01", kBase + 0x300);
    }
    Result<KernelSymbols> read(const KallsymsPlaces& places = KallsymsBuilder::kPlaces) {
        return KernelSymbols::read(memory.memory(), places);
    }

    FakeMemory memory;
    KallsymsBuilder builder;
};

TEST_F(KallsymsTest, NamesAreExpandedAndAddressesAreWhereTheKernelIs) {
    const auto symbols = read();
    ASSERT_TRUE(symbols) << symbols.error().message();
    EXPECT_EQ(symbols->size(), 5U);
    EXPECT_EQ(symbols->address("init_task"), kBase + 0x300);
    EXPECT_EQ(symbols->address("per_cpu"), 0x40U);
    EXPECT_EQ(symbols->address("init"), std::nullopt);
}

TEST_F(KallsymsTest, AnAddressHasTheNameBeforeIt) {
    const auto symbols = read();
    ASSERT_TRUE(symbols);
    const auto at = [&](std::uint64_t address) {
        const auto place = symbols->at(address);
        return place ? std::string(place->name) + "+" + std::to_string(place->offset) : "none";
    };
    EXPECT_EQ(at(kBase), "_stext+0");
    EXPECT_EQ(at(kBase + 0xff), "_stext+255");
    EXPECT_EQ(at(kBase + 0x101), "schedule+1");
    EXPECT_EQ(at(kBase - 1), "none") << "per-CPU variables are no addresses";
}

TEST_F(KallsymsTest, OffsetsWithoutSignsCountFromTheBase) {
    for (unsigned i = 0; i < 5; ++i)
        memory.poke(*KallsymsBuilder::kPlaces.offsets + 4 * i, i * 0x10);
    EXPECT_EQ(read()->address("init_task"), kBase + 0x40);
}

TEST_F(KallsymsTest, AddressesMayBeAbsolute) {
    KallsymsPlaces places = KallsymsBuilder::kPlaces;
    places.addresses = places.offsets;
    places.offsets.reset();
    memory.poke(*places.addresses + 8 * 4, kBase + 0x777);
    EXPECT_EQ(read(places)->address("init_task"), kBase + 0x777);
    places.addresses.reset();
    EXPECT_FALSE(read(places));
}

TEST_F(KallsymsTest, ALongNameHasItsLengthInTwoBytes) {
    const std::string name = "T" + std::string(200, 'x');
    const std::uint64_t at = builder.names_end();
    memory.poke(KallsymsBuilder::kPlaces.count, 6U);
    memory.poke<std::uint8_t>(at, 0x80 | (201 & 0x7f));
    memory.poke<std::uint8_t>(at + 1, 201 >> 7);
    memory.put(at + 2, name);
    memory.poke(*KallsymsBuilder::kPlaces.offsets + 4 * 5, -1 - 0x500);
    EXPECT_EQ(read()->address(name.substr(1)), kBase + 0x500);
}

TEST_F(KallsymsTest, WhatIsCutOffAnywhereIsAnError) {
    const std::uint64_t first = KallsymsBuilder::kAt - kBase;
    for (memory.end = first; memory.end < builder.names_end() - kBase; ++memory.end)
        EXPECT_FALSE(read()) << memory.end;
}

TEST_F(KallsymsTest, NonsenseIsRefused) {
    memory.poke(KallsymsBuilder::kPlaces.count, 0U);
    EXPECT_FALSE(read());
    memory.poke(KallsymsBuilder::kPlaces.count, 0xffffffffU);
    EXPECT_FALSE(read());
    // Names that never end, of tokens that never end.
    memory.poke(KallsymsBuilder::kPlaces.count, 1000U);
    std::ranges::fill(memory.bytes, std::byte{0xff});
    memory.poke(KallsymsBuilder::kPlaces.count, 1000U);
    EXPECT_FALSE(read());
}

}  // namespace
}  // namespace ringside::debug
