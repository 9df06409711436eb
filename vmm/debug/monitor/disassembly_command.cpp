#include <fmt/format.h>

#include <array>

#include "arch/x86_64/decode.h"
#include "vmm/debug/guest/registers_now.h"
#include "vmm/debug/monitor/arguments.h"
#include "vmm/debug/monitor/memory_commands.h"

namespace ringside::debug {

namespace {

constexpr std::uint64_t kDefaultCount = 10, kMostInstructions = 10'000;

// In real mode and virtual-8086 mode, code is shown as SEGMENT:OFFSET, and jumps within a segment go to offsets.
struct CodeSegment {
    std::uint64_t selector = 0, base = 0;
    bool holds(Gva address) const { return address.value >= base && address.value - base <= 0xffff; }
};

struct Start {
    Gva address;
    CodeSegment segment;
};

// Where to begin: a linear address, SEGMENT:OFFSET, or CS:IP.
Result<Start> start_of(const Arguments& arguments, const RegistersNow& now) {
    const CodeSegment cs{now.system.cs.selector, now.system.cs.base};
    if (arguments.words.empty())
        return Start{x86::linear_pc(now.general, now.system), cs};
    const std::string_view word = arguments.words[0];
    const auto colon = word.find(':');
    if (colon == std::string_view::npos) {
        if (const auto address = parse_number(word))
            return Start{Gva{*address}, cs};
    } else {
        const auto segment = parse_number(word.substr(0, colon)),
                   offset = parse_number(word.substr(colon + 1));
        if (segment && offset && *segment <= 0xffff && *offset <= 0xffff)
            return Start{Gva{*segment * 16 + *offset}, {*segment, *segment * 16}};
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

Result<Answer> disassemble(Inspected& guest, const Arguments& arguments) {
    auto now = TRY(guest.registers_now(arguments.vcpu));
    auto [address, segment] = TRY(start_of(arguments, now));
    auto count = TRY(count_of(arguments));
    const x86::CpuMode mode = x86::cpu_mode(now.general, now.system);
    const bool segmented = mode == x86::CpuMode::Real || mode == x86::CpuMode::Virtual8086;
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
        const bool in_segment = segmented && segment.holds(address);
        const std::uint64_t place = address.value - (in_segment ? segment.base : 0);
        const auto decoded = decoder.disassemble(std::span(bytes).first(*length), Gva{place}, mode);
        const std::size_t size = decoded ? decoded->length : 1;
        std::string code;
        for (std::size_t i = 0; i < size; ++i)
            code += fmt::format("{:02x}", std::to_integer<unsigned>(bytes[i]));
        rows.push_back({flag(address == pc, "=>", ""),
                        {address.value, in_segment ? fmt::format("{:04x}:{:04x}", segment.selector, place)
                                                   : fmt::format("0x{:x}", place)},
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
