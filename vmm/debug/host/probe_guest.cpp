#include "vmm/debug/host/probe_guest.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/descriptors.h"
#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/paging_rules.h"
#include "arch/x86_64/trap_instructions.h"
#include "vmm/kvm/vcpu_events.h"
#include "vmm/machine/layout.h"

namespace ringside::debug {

namespace {

constexpr std::uint64_t kMemorySize = 0x10000;
constexpr std::uint64_t kPml4 = 0x8000, kPdpt = 0x9000, kDirectory = 0xa000;
constexpr std::uint64_t kStackTop = 0x7000;

using x86::paging::kPageSize, x86::paging::kPresent, x86::paging::kUser, x86::paging::kWritable;
namespace type = x86::descriptor_type;

x86::Segment flat_segment(std::uint8_t kind, std::uint16_t selector, std::uint8_t dpl, bool long_mode) {
    x86::Segment s;
    s.limit = 0xffffffff;
    s.selector = static_cast<std::uint16_t>(selector | dpl);
    s.type = kind;
    s.s = 1;
    s.dpl = dpl;
    s.present = 1;
    s.g = 1;
    s.l = long_mode && kind == type::kCodeExecuteRead;
    s.db = s.l == 0;
    return s;
}

x86::Segment real_segment(std::uint8_t kind) {
    x86::Segment s;
    s.limit = 0xffff;
    s.type = kind;
    s.s = 1;
    s.present = 1;
    return s;
}

x86::SystemRegisters registers_for(ProbeGuest::Mode mode, x86::SystemRegisters system) {
    system.cr0 = x86::cr0::kEt;
    system.cr3 = system.cr4 = system.efer = 0;
    system.gdtr = {};
    system.idtr = {0, x86::kRealModeTableLimit};
    system.tr = real_segment(type::kBusyTss);
    system.tr.s = 0;
    system.tr.limit = x86::kTaskStateLimit64;
    system.ldtr = {};
    system.ldtr.unusable = 1;
    x86::Segment code = real_segment(type::kCodeExecuteRead);
    x86::Segment data = real_segment(type::kDataReadWrite);
    if (mode != ProbeGuest::Mode::Real) {
        const bool long_mode = mode != ProbeGuest::Mode::Protected;
        const std::uint8_t dpl = mode == ProbeGuest::Mode::LongUser ? 3 : 0;
        code = flat_segment(type::kCodeExecuteRead, 0x08, dpl, long_mode);
        data = flat_segment(type::kDataReadWrite, 0x10, dpl, long_mode);
        system.cr0 |= x86::cr0::kPe;
        system.idtr = {0, 0};  // any exception is a triple fault
        if (long_mode) {
            system.cr0 |= x86::cr0::kPg;
            system.cr3 = kPml4;
            system.cr4 = x86::cr4::kPae;
            system.efer = x86::efer::kLme | x86::efer::kLma;
        }
    }
    system.cs = code;
    system.ds = system.es = system.fs = system.gs = system.ss = data;
    return system;
}

void store(const machine::GuestMemory& memory, std::uint64_t address, std::uint64_t value) {
    std::memcpy(memory.span(Gpa{address}, sizeof value).data(), &value, sizeof value);
}

void fill_memory(const machine::GuestMemory& memory, std::span<const std::byte> code) {
    const auto all = memory.span(Gpa{0}, kMemorySize);
    std::ranges::fill(all, opcode(x86::TrapInstruction::Halt));
    std::memcpy(all.data() + ProbeGuest::kCode, code.data(), code.size());
    for (const auto vector : {x86::ExceptionVector::Debug, x86::ExceptionVector::Breakpoint}) {
        const std::uint32_t target = ProbeGuest::kVectorHalt;
        std::memcpy(all.data() + number(vector) * 4, &target, sizeof target);
    }
    std::memset(all.data() + kPml4, 0, 3 * 0x1000);
    store(memory, kPml4, kPdpt | kPresent | kWritable | kUser);
    store(memory, kPdpt, kDirectory | kPresent | kWritable | kUser);
    store(memory, kDirectory, kPresent | kWritable | kUser | kPageSize);
}

}  // namespace

Result<ProbeGuest> ProbeGuest::create(const kvm::System& system, Irqchip irqchip) {
    auto region = TRY(machine::MemoryRegion::allocate(Gpa{0}, kMemorySize));
    std::vector<machine::MemoryRegion> regions;
    regions.push_back(std::move(region));
    auto memory = TRY(machine::GuestMemory::create(std::move(regions)));
    auto vm = TRY(system.create_vm());
    // Intel hosts without unrestricted guest need these pages for real mode.
    TRY(vm.set_tss_address(layout::kKvmTss));
    TRY(vm.set_memory(0, Gpa{0}, kMemorySize, memory.span(Gpa{0}, kMemorySize).data(), 0));
    if (irqchip == Irqchip::InKernel)
        TRY(vm.create_irqchip());
    auto vcpu = TRY(vm.create_vcpu(VcpuIndex{0}));
    const auto cpuid = TRY(system.supported_cpuid());
    TRY(vcpu.set_cpuid(cpuid));
    return ProbeGuest(std::move(vm), std::move(vcpu), std::move(memory));
}

Result<void> ProbeGuest::prepare(Mode mode, std::span<const std::byte> code) {
    fill_memory(memory_, code);
    constexpr std::array<std::uint64_t, 4> kNoSlots{};
    TRY(vcpu_.set_guest_debug({}, kNoSlots, {}));
    TRY(vcpu_.set_debug({}));
    TRY(kvm::clear_events(vcpu_));
    auto system = TRY(vcpu_.system());
    TRY(vcpu_.set_system(registers_for(mode, system)));
    x86::GeneralRegisters general;
    general.rip = kCode;
    general.rsp = kStackTop;
    return vcpu_.set_general(general);
}

Result<void> ProbeGuest::set_data_writable(bool writable) {
    const auto page = memory_.span(Gpa{kData}, layout::kPage);
    if (::mprotect(page.data(), page.size(), writable ? PROT_READ | PROT_WRITE : PROT_READ) != 0)
        return errno_failure("protect a page of the probes' guest", errno);
    return {};
}

Result<void> ProbeGuest::run() {
    for (;;) {
        const auto outcome = TRY(vcpu_.run());
        if (outcome == kvm::RunOutcome::Exit)
            return {};
    }
}

}  // namespace ringside::debug
