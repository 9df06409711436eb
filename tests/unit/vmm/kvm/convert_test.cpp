// KVM's structs and arch's values hold the same: each field goes over, none into another's place.
#include <cstring>

#include <gtest/gtest.h>

#include "vmm/kvm/vcpu.h"

namespace ringside::kvm {
namespace {

// Every 8-byte word differs from every other.
kvm_regs distinct_registers() {
    std::array<std::uint64_t, sizeof(kvm_regs) / sizeof(std::uint64_t)> words{};
    for (std::size_t i = 0; i < words.size(); ++i)
        words[i] = 0x1111'0000'0000'0000 + i;
    kvm_regs registers{};
    std::memcpy(&registers, words.data(), sizeof registers);
    return registers;
}

kvm_segment segment(std::uint16_t number) {
    const auto bit = [number](unsigned shift) { return static_cast<std::uint8_t>((number >> shift) & 1U); };
    kvm_segment s{};
    s.base = 0x1000'0000ULL * number;
    s.limit = 0xf000U + number;
    s.selector = static_cast<std::uint16_t>(8 * number);
    s.type = static_cast<std::uint8_t>(number);
    s.dpl = static_cast<std::uint8_t>(bit(0) + 2 * bit(1));
    s.present = bit(0), s.s = bit(1), s.db = bit(2), s.g = bit(3);
    s.l = !s.present, s.avl = !s.s, s.unusable = !s.db;
    return s;
}

kvm_sregs distinct_system() {
    kvm_sregs s{};
    s.cs = segment(1), s.ds = segment(2), s.es = segment(3), s.fs = segment(4);
    s.gs = segment(5), s.ss = segment(6), s.tr = segment(7), s.ldt = segment(8);
    s.gdt.base = 0xaa01, s.gdt.limit = 0xaa02;
    s.idt.base = 0xaa03, s.idt.limit = 0xaa04;
    s.cr0 = 0xbb00, s.cr2 = 0xbb02, s.cr3 = 0xbb03, s.cr4 = 0xbb04, s.cr8 = 0xb;
    s.efer = 0xcc01, s.apic_base = 0xcc02;
    s.interrupt_bitmap[0] = 0xdd00, s.interrupt_bitmap[3] = 0xdd03;
    return s;
}

template <typename T>
bool same_bytes(const T& a, const T& b) {
    return std::memcmp(&a, &b, sizeof(T)) == 0;
}

TEST(Convert, GeneralRegistersGoThereAndBack) {
    const kvm_regs kvm = distinct_registers();
    EXPECT_TRUE(same_bytes(to_kvm(from_kvm(kvm)), kvm));
}

TEST(Convert, GeneralRegistersKeepTheirNames) {
    const kvm_regs kvm = distinct_registers();
    const auto general = from_kvm(kvm);
    EXPECT_EQ(general.rax, kvm.rax);
    EXPECT_EQ(general.rsp, kvm.rsp);
    EXPECT_EQ(general.r15, kvm.r15);
    EXPECT_EQ(general.rip, kvm.rip);
    EXPECT_EQ(general.rflags, kvm.rflags);
}

TEST(Convert, SystemRegistersGoThereAndBackWithThePendingInterrupts) {
    const kvm_sregs kvm = distinct_system();
    EXPECT_TRUE(same_bytes(to_kvm(from_kvm(kvm), kvm), kvm));
}

TEST(Convert, ThePendingInterruptsArePreviousOnes) {
    kvm_sregs previous{};
    previous.interrupt_bitmap[1] = 0x80;
    const kvm_sregs written = to_kvm(x86::SystemRegisters{}, previous);
    EXPECT_EQ(written.interrupt_bitmap[1], 0x80U);
}

TEST(Convert, SegmentsKeepTheirNames) {
    const auto system = from_kvm(distinct_system());
    EXPECT_EQ(system.cs.selector, 8);
    EXPECT_EQ(system.ss.selector, 48);
    EXPECT_EQ(system.tr.base, 0x7000'0000U);
    EXPECT_EQ(system.ldtr.limit, 0xf008U);
    EXPECT_EQ(system.cs.present, true);
    EXPECT_EQ(system.ds.present, false);
    EXPECT_EQ(system.gdtr.base, 0xaa01U);
    EXPECT_EQ(system.idtr.limit, 0xaa04U);
}

}  // namespace
}  // namespace ringside::kvm
