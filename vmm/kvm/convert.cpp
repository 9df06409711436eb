#include "vmm/kvm/vcpu_port.h"

namespace ringside::kvm {

x86::GeneralRegisters from_kvm(const kvm_regs& r) {
    x86::GeneralRegisters g;
    g.rax = r.rax, g.rbx = r.rbx, g.rcx = r.rcx, g.rdx = r.rdx;
    g.rsi = r.rsi, g.rdi = r.rdi, g.rbp = r.rbp, g.rsp = r.rsp;
    g.r8 = r.r8, g.r9 = r.r9, g.r10 = r.r10, g.r11 = r.r11;
    g.r12 = r.r12, g.r13 = r.r13, g.r14 = r.r14, g.r15 = r.r15;
    g.rip = r.rip, g.rflags = r.rflags;
    return g;
}

kvm_regs to_kvm(const x86::GeneralRegisters& g) {
    kvm_regs r{};
    r.rax = g.rax, r.rbx = g.rbx, r.rcx = g.rcx, r.rdx = g.rdx;
    r.rsi = g.rsi, r.rdi = g.rdi, r.rbp = g.rbp, r.rsp = g.rsp;
    r.r8 = g.r8, r.r9 = g.r9, r.r10 = g.r10, r.r11 = g.r11;
    r.r12 = g.r12, r.r13 = g.r13, r.r14 = g.r14, r.r15 = g.r15;
    r.rip = g.rip, r.rflags = g.rflags;
    return r;
}

namespace {

x86::Segment from_kvm(const kvm_segment& k) {
    x86::Segment s;
    s.base = k.base, s.limit = k.limit, s.selector = k.selector;
    s.type = k.type, s.s = k.s, s.dpl = k.dpl, s.present = k.present;
    s.avl = k.avl, s.l = k.l, s.db = k.db, s.g = k.g, s.unusable = k.unusable;
    return s;
}

kvm_segment to_kvm(const x86::Segment& s) {
    kvm_segment k{};
    k.base = s.base, k.limit = s.limit, k.selector = s.selector;
    k.type = s.type, k.s = s.s, k.dpl = s.dpl, k.present = s.present;
    k.avl = s.avl, k.l = s.l, k.db = s.db, k.g = s.g, k.unusable = s.unusable;
    return k;
}

}  // namespace

x86::SystemRegisters from_kvm(const kvm_sregs& k) {
    x86::SystemRegisters s;
    s.cs = from_kvm(k.cs), s.ds = from_kvm(k.ds), s.es = from_kvm(k.es), s.fs = from_kvm(k.fs);
    s.gs = from_kvm(k.gs), s.ss = from_kvm(k.ss), s.tr = from_kvm(k.tr), s.ldtr = from_kvm(k.ldt);
    s.gdtr = {k.gdt.base, k.gdt.limit};
    s.idtr = {k.idt.base, k.idt.limit};
    s.cr0 = k.cr0, s.cr2 = k.cr2, s.cr3 = k.cr3, s.cr4 = k.cr4, s.cr8 = k.cr8;
    s.efer = k.efer, s.apic_base = k.apic_base;
    return s;
}

kvm_sregs to_kvm(const x86::SystemRegisters& s, const kvm_sregs& previous) {
    kvm_sregs k = previous;
    k.cs = to_kvm(s.cs), k.ds = to_kvm(s.ds), k.es = to_kvm(s.es), k.fs = to_kvm(s.fs);
    k.gs = to_kvm(s.gs), k.ss = to_kvm(s.ss), k.tr = to_kvm(s.tr), k.ldt = to_kvm(s.ldtr);
    k.gdt.base = s.gdtr.base, k.gdt.limit = s.gdtr.limit;
    k.idt.base = s.idtr.base, k.idt.limit = s.idtr.limit;
    k.cr0 = s.cr0, k.cr2 = s.cr2, k.cr3 = s.cr3, k.cr4 = s.cr4, k.cr8 = s.cr8;
    k.efer = s.efer, k.apic_base = s.apic_base;
    return k;
}

}  // namespace ringside::kvm
