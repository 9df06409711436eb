#include <fmt/format.h>

#include <array>

#include "arch/x86_64/decode.h"
#include "vmm/debug/guest/registers_now.h"
#include "vmm/debug/monitor/arguments.h"
#include "vmm/debug/monitor/memory_commands.h"

namespace ringside::debug {

namespace {

constexpr std::uint64_t kDefaultCount = 10, kMostInstructions = 10'000;

// Where to begin: a linear address, SEGMENT:OFFSET, or CS:IP.
Result<Gva> start_of(const Arguments& arguments, const RegistersNow& now) {
    if (arguments.words.empty())
        return x86::linear_pc(now.general, now.system);
    const std::string_view word = arguments.words[0];
    const auto colon = word.find(':');
    if (colon == std::string_view::npos) {
        if (const auto address = parse_number(word))
            return Gva{*address};
    } else {
        const auto segment = parse_number(word.substr(0, colon)),
                   offset = parse_number(word.substr(colon + 1));
        if (segment && offset && *segment <= 0xffff && *offset <= 0xffff)
            return Gva{*segment * 16 + *offset};
    }
    return failure("disas", fmt::format("\"{}\" is neither a linear address nor SEGMENT:OFFSET", word));
}

Result<std::uint64_t> count_of(const Arguments& arguments) {
    if (arguments.words.size() < 2)
        return kDefaultCount;
    const auto count = parse_number(arguments.words[1]);
    if (!count || *count == 0 || *count > kMostInstructions)
        return failure("disas", fmt::format("\"{}\" is not a number from 1 to {}", arguments.words[1],
                                            kMostInstructions));
    return *count;
}

// In real mode and virtual-8086 mode, code at CS is shown as CS:IP.
std::string address_text(const RegistersNow& now, x86::CpuMode mode, Gva address) {
    const bool segmented = mode == x86::CpuMode::Real || mode == x86::CpuMode::Virtual8086;
    const std::uint64_t base = now.system.cs.base;
    if (segmented && address.value >= base && address.value - base <= 0xffff)
        return fmt::format("{:04x}:{:04x}", now.system.cs.selector, address.value - base);
    return fmt::format("0x{:x}", address.value);
}

Result<Answer> disassemble(Inspected& guest, const Arguments& arguments) {
    auto now = TRY(guest.registers_now(arguments.vcpu));
    auto address = TRY(start_of(arguments, now));
    auto count = TRY(count_of(arguments));
    const x86::CpuMode mode = x86::cpu_mode(now.general, now.system);
    const Gva pc = x86::linear_pc(now.general, now.system);
    const x86::Decoder decoder;
    std::vector<std::vector<Cell>> rows;
    while (rows.size() < count) {
        std::array<std::byte, x86::kMaxInstructionLength> bytes{};
        const auto length = guest.view().read(now.system, address, bytes);
        if (!length && rows.empty())
            return tl::unexpected<Error>(length.error());
        if (!length)
            break;
        const auto decoded = decoder.disassemble(std::span(bytes).first(*length), address, mode);
        const std::size_t size = decoded ? decoded->length : 1;
        std::string code;
        for (std::size_t i = 0; i < size; ++i)
            code += fmt::format("{:02x}", std::to_integer<unsigned>(bytes[i]));
        rows.push_back({flag(address == pc, "=>", ""),
                        {address.value, address_text(now, mode, address)},
                        words(code),
                        words(decoded ? decoded->text : "(bad)")});
        address = address + size;
    }
    return Answer()
        .headline(fmt::format("vCPU {}: {}", arguments.vcpu.value, x86::name(mode)))
        .table("instructions", {"current", "address", "code", "instruction"}, std::move(rows));
}

}  // namespace

void add_disassembly_command(MonitorRegistry& registry, Inspected& guest) {
    add_answering(registry, guest,
                  {"disas", "[ADDRESS|SEGMENT:OFFSET [COUNT]]",
                   "disassembles in the vCPU's mode, from CS:IP if no address is given", 2,
                   [&](const Arguments& arguments) { return disassemble(guest, arguments); }});
}

}  // namespace ringside::debug
