#include "vmm/boot/cpu_modes.h"

#include "tests/unit/vmm/boot/boot_test.h"

namespace ringside::boot {
namespace {

class CpuModesTest : public BootTest {};

TEST_F(CpuModesTest, RealModeSegmentsAreSelectorTimes16) {
    const x86::SystemRegisters system = real_mode(0x1234);
    EXPECT_EQ(system.cs.selector, 0x1234);
    EXPECT_EQ(system.cs.base, 0x12340U);
    EXPECT_EQ(system.cs.limit, 0xffffU);
    EXPECT_EQ(system.cs.db, 0);
    EXPECT_EQ(system.ss.base, 0U);
    EXPECT_EQ(system.cr0, 0x10U);
    EXPECT_EQ(system.efer, 0U);
    EXPECT_EQ(system.idtr, (x86::DescriptorTable{0, 0x3ff}));
}

// Xen's PVH document and the multiboot specification ask for the same: flat segments, PE, no paging.
TEST_F(CpuModesTest, ProtectedModeIsFlatAndUnpaged) {
    const auto system = enter_protected_mode(memory);
    ASSERT_TRUE(system);
    EXPECT_EQ(system->cr0, 0x11U);
    EXPECT_EQ(system->cr4, 0U);
    EXPECT_EQ(system->efer, 0U);
    EXPECT_EQ(system->cs.limit, 0xffffffffU);
    EXPECT_EQ(system->cs.type, 0xb);
    EXPECT_EQ(system->cs.db, 1);
    EXPECT_EQ(system->cs.l, 0);
    EXPECT_EQ(system->ss.type, 0x3);
    EXPECT_EQ(system->tr.limit, 0x67U);
    EXPECT_EQ(system->tr.type, 0xb);
    EXPECT_EQ(system->ldtr.unusable, 1);
    EXPECT_EQ(system->apic_base, 0xfee00900U);
    EXPECT_EQ(system->gdtr, (x86::DescriptorTable{0x500, 39}));
    EXPECT_EQ(peek<std::uint64_t>(0x500), 0U);
    EXPECT_EQ(peek<std::uint64_t>(0x510), 0x00cf9b000000ffffU);
    EXPECT_EQ(peek<std::uint64_t>(0x518), 0x00cf93000000ffffU);
    EXPECT_EQ(peek<std::uint64_t>(0x520), 0x00008b0000000067U);
}

TEST_F(CpuModesTest, LongModeMapsFourGiBToThemselves) {
    const auto system = enter_long_mode(memory);
    ASSERT_TRUE(system);
    EXPECT_EQ(system->cr0, 0x80000011U);
    EXPECT_EQ(system->cr4, 0x20U);
    EXPECT_EQ(system->efer, 0x500U) << "LMA goes with CR0.PG";
    EXPECT_EQ(system->cs.l, 1);
    EXPECT_EQ(system->cs.db, 0);
    EXPECT_EQ(system->cs.selector, 0x10);
    EXPECT_EQ(system->ds.selector, 0x18);
    EXPECT_EQ(peek<std::uint64_t>(0x510), 0x00af9b000000ffffU);

    // Walk the tables for the first, a middle and the last page of the 4 GiB.
    for (const std::uint64_t address : {0x0ULL, 0x40200000ULL, 0xffe00000ULL}) {
        const auto pml4e = peek<std::uint64_t>(system->cr3);
        EXPECT_EQ(pml4e & 3, 3U);
        const auto pdpte = peek<std::uint64_t>((pml4e & ~0xfffULL) + 8 * (address >> 30));
        EXPECT_EQ(pdpte & 0x83, 3U) << "no 1 GiB pages";
        const auto pde = peek<std::uint64_t>((pdpte & ~0xfffULL) + 8 * (address >> 21 & 511));
        EXPECT_EQ(pde, address | 0x83) << std::hex << address;
    }
    const auto pml4e = peek<std::uint64_t>(system->cr3);
    EXPECT_EQ(peek<std::uint64_t>(system->cr3 + 8), 0U);
    EXPECT_EQ(peek<std::uint64_t>((pml4e & ~0xfffULL) + 8 * 4), 0U);
}

TEST_F(CpuModesTest, NeedMemoryForTheirTables) {
    auto tiny = machine::GuestMemory::create(layout::kPage);
    ASSERT_TRUE(tiny);
    EXPECT_TRUE(enter_protected_mode(*tiny));
    EXPECT_FALSE(enter_long_mode(*tiny));
}

}  // namespace
}  // namespace ringside::boot
