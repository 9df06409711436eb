#include "vmm/debug/dump/notes.h"

#include <elf.h>
#include <sys/procfs.h>

#include <algorithm>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "arch/x86_64/control_bits.h"

namespace ringside::debug {

namespace {

void append(Bytes& to, std::span<const std::byte> from) {
    to.insert(to.end(), from.begin(), from.end());
    to.resize((to.size() + 3) / 4 * 4);
}

template <typename T>
std::span<const std::byte> bytes_of(const T& value) {
    return std::as_bytes(std::span(&value, 1));
}

// QEMU's include/elf.h has no such structs: they are documented in crash's qemu-note reader and in
// target/i386/arch_dump.c.
struct QemuSegment {
    std::uint32_t selector, limit, flags, pad;
    std::uint64_t base;
};
struct QemuCpuState {
    std::uint32_t version, size;
    std::uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags;
    QemuSegment cs, ds, es, fs, gs, ss, ldt, tr, gdt, idt;
    std::uint64_t cr[5];
    std::uint64_t kernel_gs_base;
};
static_assert(sizeof(QemuCpuState) == 440);

// The access rights as they are in a descriptor's upper half.
QemuSegment segment(const x86::Segment& s) {
    const auto bit = [](std::uint8_t value, unsigned place) { return std::uint32_t{value} << place; };
    const std::uint32_t flags = bit(s.type, 8) | bit(s.s, 12) | bit(s.dpl, 13) | bit(s.present, 15) |
                                bit(s.avl, 20) | bit(s.l, 21) | bit(s.db, 22) | bit(s.g, 23);
    return {s.selector, s.limit, flags, 0, s.base};
}

x86::Segment from(const QemuSegment& q) {
    const auto bits = [&q](unsigned place, unsigned mask) {
        return static_cast<std::uint8_t>(q.flags >> place & mask);
    };
    x86::Segment s{.base = q.base, .limit = q.limit, .selector = static_cast<std::uint16_t>(q.selector)};
    s.type = bits(8, 15), s.s = bits(12, 1), s.dpl = bits(13, 3), s.present = bits(15, 1);
    s.avl = bits(20, 1), s.l = bits(21, 1), s.db = bits(22, 1), s.g = bits(23, 1);
    s.unusable = s.present == 0 ? 1 : 0;
    return s;
}

x86::DescriptorTable table_from(const QemuSegment& q) {
    return {q.base, static_cast<std::uint16_t>(q.limit)};
}

QemuSegment table(const x86::DescriptorTable& t) {
    return {0, t.limit, 0, 0, t.base};
}

}  // namespace

Bytes elf_note(std::string_view owner, std::uint32_t type, std::span<const std::byte> content) {
    const Elf64_Nhdr header{static_cast<Elf64_Word>(owner.size() + 1),
                            static_cast<Elf64_Word>(content.size()), type};
    Bytes note;
    append(note, bytes_of(header));
    Bytes name(owner.size() + 1);
    std::memcpy(name.data(), owner.data(), owner.size());
    append(note, name);
    append(note, content);
    return note;
}

Bytes prstatus_note(std::uint32_t thread, const x86::CpuState& state) {
    const auto& g = state.general;
    const auto& s = state.system;
    // struct user_regs_struct's order.
    const std::array<std::uint64_t, ELF_NGREG> registers{
        g.r15,     g.r14,     g.r13,         g.r12,         g.rbp,         g.rbx,        g.r11,
        g.r10,     g.r9,      g.r8,          g.rax,         g.rcx,         g.rdx,        g.rsi,
        g.rdi,     ~0ULL,     g.rip,         s.cs.selector, g.rflags,      g.rsp,        s.ss.selector,
        s.fs.base, s.gs.base, s.ds.selector, s.es.selector, s.fs.selector, s.gs.selector};
    elf_prstatus status{};
    status.pr_pid = static_cast<pid_t>(thread);
    static_assert(sizeof status.pr_reg == sizeof registers);
    std::memcpy(&status.pr_reg, registers.data(), sizeof registers);
    return elf_note("CORE", NT_PRSTATUS, bytes_of(status));
}

Bytes qemu_note(const x86::CpuState& state) {
    const auto& g = state.general;
    const auto& s = state.system;
    QemuCpuState cpu{};
    cpu.version = 1;
    cpu.size = sizeof cpu;
    cpu.rax = g.rax, cpu.rbx = g.rbx, cpu.rcx = g.rcx, cpu.rdx = g.rdx;
    cpu.rsi = g.rsi, cpu.rdi = g.rdi, cpu.rsp = g.rsp, cpu.rbp = g.rbp;
    cpu.r8 = g.r8, cpu.r9 = g.r9, cpu.r10 = g.r10, cpu.r11 = g.r11;
    cpu.r12 = g.r12, cpu.r13 = g.r13, cpu.r14 = g.r14, cpu.r15 = g.r15;
    cpu.rip = g.rip, cpu.rflags = g.rflags;
    cpu.cs = segment(s.cs), cpu.ds = segment(s.ds), cpu.es = segment(s.es), cpu.fs = segment(s.fs);
    cpu.gs = segment(s.gs), cpu.ss = segment(s.ss), cpu.ldt = segment(s.ldtr), cpu.tr = segment(s.tr);
    cpu.gdt = table(s.gdtr), cpu.idt = table(s.idtr);
    cpu.cr[0] = s.cr0, cpu.cr[2] = s.cr2, cpu.cr[3] = s.cr3, cpu.cr[4] = s.cr4;
    cpu.kernel_gs_base = state.msrs.kernel_gs_base;
    return elf_note("QEMU", 0, bytes_of(cpu));
}

std::optional<x86::CpuState> from_qemu_note(std::span<const std::byte> content, bool long_mode) {
    QemuCpuState cpu;
    if (content.size() < sizeof cpu)
        return std::nullopt;
    std::memcpy(&cpu, content.data(), sizeof cpu);
    if (cpu.version != 1 || cpu.size < sizeof cpu)
        return std::nullopt;
    x86::CpuState state;
    auto& g = state.general;
    auto& s = state.system;
    g.rax = cpu.rax, g.rbx = cpu.rbx, g.rcx = cpu.rcx, g.rdx = cpu.rdx;
    g.rsi = cpu.rsi, g.rdi = cpu.rdi, g.rsp = cpu.rsp, g.rbp = cpu.rbp;
    g.r8 = cpu.r8, g.r9 = cpu.r9, g.r10 = cpu.r10, g.r11 = cpu.r11;
    g.r12 = cpu.r12, g.r13 = cpu.r13, g.r14 = cpu.r14, g.r15 = cpu.r15;
    g.rip = cpu.rip, g.rflags = cpu.rflags;
    s.cs = from(cpu.cs), s.ds = from(cpu.ds), s.es = from(cpu.es), s.fs = from(cpu.fs);
    s.gs = from(cpu.gs), s.ss = from(cpu.ss), s.ldtr = from(cpu.ldt), s.tr = from(cpu.tr);
    s.gdtr = table_from(cpu.gdt), s.idtr = table_from(cpu.idt);
    s.cr0 = cpu.cr[0], s.cr2 = cpu.cr[2], s.cr3 = cpu.cr[3], s.cr4 = cpu.cr[4];
    // No-execute bits are taken as such: page tables that have them would be of no use without it.
    s.efer = x86::efer::kNxe | (long_mode ? x86::efer::kLme | x86::efer::kLma : 0);
    state.msrs.kernel_gs_base = cpu.kernel_gs_base;
    return state;
}

Bytes registers_note(const x86::RegisterFile& file, const x86::CpuState& state,
                     const std::function<bool(const x86::RegisterInfo&)>& known) {
    std::string text;
    for (const x86::RegisterInfo& info : file.registers()) {
        Bytes value(info.bytes());
        if (!known(info) || !file.read(state, info.regno, value))
            continue;
        text += info.name + "=";
        for (const std::byte byte : value)
            text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
        text += "\n";
    }
    return elf_note(kRegistersOwner, 1, std::as_bytes(std::span(text)));
}

}  // namespace ringside::debug
