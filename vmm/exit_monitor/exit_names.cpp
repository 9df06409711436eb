#include "vmm/exit_monitor/exit_names.h"

#include <algorithm>

#include <fmt/format.h>

#include "arch/x86_64/cpu_mode.h"
#include "arch/x86_64/msr_names.h"
#include "vmm/exits/hardware/tracefs.h"
#include "vmm/exits/record/failure.h"
#include "vmm/machine/in_kernel_devices.h"

namespace ringside::debug {

namespace {

// What KVM itself answers: such accesses are seen at the hardware's tier alone.
std::string name_in(std::span<const machine::InKernelDevice> devices, std::uint64_t address) {
    const auto found = std::ranges::find_if(
        devices, [address](const machine::InKernelDevice& device) { return device.contains(address); });
    return found != devices.end() ? std::string(found->kind) + " (in the kernel)" : std::string();
}

std::string name_on(const machine::Bus& bus, std::uint64_t address) {
    const machine::Bus::Range* range = bus.find(address);
    return range != nullptr ? std::string(range->device->name()) : std::string();
}

// Returns true if an instruction is of the kind that makes this exit. The size of a port access counts: without its
// operand-size prefix, `out dx, ax` reads as one of 4 bytes.
bool fits(const x86::Disassembly& instruction, const exits::ExitRecord& exit) {
    using Kind = x86::InstructionKind;
    switch (exits::KvmReasons().address_kind(exit.reason)) {
        case exits::AddressKind::Port:
            return instruction.kind == Kind::Port && instruction.port_bytes == exit.size;
        case exits::AddressKind::Memory:
            return instruction.has_memory_operand;
        case exits::AddressKind::Msr:
            return instruction.kind ==
                   (exit.direction == exits::Direction::Write ? Kind::Wrmsr : Kind::Rdmsr);
        default:
            return exits::is_halt(exit.reason) && instruction.kind == Kind::Hlt;
    }
}

// Reasons that one instruction causes. At all others the guest was interrupted between two.
bool caused_by_instruction(std::uint32_t reason) {
    return exits::is_access(reason) || exits::is_halt(reason);
}

}  // namespace

std::string ExitNames::device(exits::AddressKind kind, std::uint64_t address) const {
    const machine::Buses& buses = debugger_.machine().buses();
    switch (kind) {
        case exits::AddressKind::Port: {
            auto name = name_in(machine::kInKernelPorts, address);
            return name.empty() ? name_on(buses.pio, address) : name;
        }
        case exits::AddressKind::Memory: {
            auto name = name_in(machine::kInKernelMemory, address);
            if (name.empty())
                name = name_on(buses.mmio, address);
            return name.empty() && debugger_.machine().memory().contains(Gpa{address}, 1) ? "RAM" : name;
        }
        case exits::AddressKind::Msr:
            return std::string(x86::msr_name(static_cast<std::uint32_t>(address)));
        case exits::AddressKind::CpuidLeaf:
        case exits::AddressKind::None:
            return {};
    }
    return {};
}

std::shared_ptr<const exits::SymbolTable> ExitNames::symbols() const {
    const std::scoped_lock lock(mutex_);
    // A kernel without symbols only leaves names out.
    if (!symbols_)
        symbols_ = std::make_shared<const exits::SymbolTable>(
            exits::SymbolTable::load(path_).value_or(exits::SymbolTable()));
    return symbols_;
}

void ExitNames::forget_symbols() {
    const std::scoped_lock lock(mutex_);
    symbols_.reset();
}

std::string ExitNames::symbol(std::uint64_t rip) const {
    return symbols()->describe(rip - slide_.load(std::memory_order_relaxed));
}

std::optional<std::uint64_t> ExitNames::address_of(std::string_view symbol) const {
    const auto linked = symbols()->address_of(symbol);
    return linked ? std::optional(*linked + slide_.load(std::memory_order_relaxed)) : std::nullopt;
}

struct ExitNames::CodeReader {
    const GuestView& view;
    const x86::Decoder& decoder;
    const x86::SystemRegisters& system;
    x86::CpuMode mode;
    Gva rip;

    std::optional<x86::Disassembly> decode(Gva start) const {
        std::array<std::byte, x86::kMaxInstructionLength> bytes{};
        const std::size_t got = view.fetch(system, start, bytes);
        return decoder.disassemble(std::span(bytes).first(got), start, mode);
    }
};

std::optional<ExitNames::CodeReader> ExitNames::reader(VcpuIndex vcpu, std::uint64_t rip) {
    const auto* token = debugger_.stop_token();
    if (token == nullptr || rip == 0)
        return std::nullopt;
    x86::ClassSet classes;
    classes.add(x86::RegisterClass::General);
    classes.add(x86::RegisterClass::System);
    const auto state = debugger_.state(vcpu).load(*token, classes);
    if (!state)
        return std::nullopt;
    if (!decoder_)
        decoder_.emplace();
    const x86::CpuMode mode = x86::cpu_mode(**state);
    return CodeReader{debugger_.view(), *decoder_, (*state)->system, mode,
                      x86::linear_address(mode, (*state)->system, x86::SegmentName::Cs, rip)};
}

std::string ExitNames::instruction_at(VcpuIndex vcpu, std::uint64_t rip) {
    const auto code = reader(vcpu, rip);
    const auto here = code ? code->decode(code->rip) : std::nullopt;
    return here ? here->text : std::string();
}

// KVM moves RIP past the instruction before some exits (OUT and MMIO writes in its emulator) and after
// others. So the instruction is looked for at RIP, then right before it: there it must end where RIP is.
std::string ExitNames::instruction(VcpuIndex vcpu, const exits::ExitRecord& exit) {
    const auto code = reader(vcpu, exit.rip);
    if (!code)
        return {};
    const auto here = code->decode(code->rip);
    if (here && (!caused_by_instruction(exit.reason) || fits(*here, exit)))
        return here->text;
    for (std::uint8_t length = 1; length <= x86::kMaxInstructionLength && length <= code->rip.value;
         ++length) {
        const auto before = code->decode(Gva{code->rip.value - length});
        if (before && before->length == length && fits(*before, exit))
            return before->text;
    }
    return {};
}

exits::Names ExitNames::for_tables(VcpuIndex vcpu, const ExitTier& tier) {
    exits::Names names;
    names.device = [this](exits::AddressKind kind, std::uint64_t address) { return device(kind, address); };
    names.symbol = [this](std::uint64_t rip) { return symbol(rip); };
    names.detail = [kind = exits::host_virtualization()](const exits::ExitRecord& exit) {
        return exits::describe_failure(exit, kind);
    };
    if (tier.rip_is_after_instruction())
        names.instruction = [this, vcpu](const exits::ExitRecord& exit) { return instruction(vcpu, exit); };
    else
        names.instruction = [this, vcpu](const exits::ExitRecord& exit) {
            return instruction_at(vcpu, exit.rip);
        };
    return names;
}

}  // namespace ringside::debug
