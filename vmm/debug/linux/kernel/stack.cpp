#include "vmm/debug/linux/kernel/stack.h"

#include <fmt/format.h>

#include "vmm/debug/linux/kernel/modules.h"
#include "vmm/debug/linux/kernel/orc.h"

namespace ringside::debug {

namespace {

constexpr std::size_t kMostFrames = 256;
constexpr std::uint64_t kWord = 8;
constexpr std::uint64_t kLongestFunction = 1 << 20;
constexpr std::uint64_t kPrivilege = 3;  // in CS

// struct pt_regs, which an interrupt's or an exception's entry leaves on the stack.
struct RegistersLayout {
    Field ip, sp, bp, cs, dx, di, r10, r13;
};

Result<RegistersLayout> registers_layout(const LinuxKernel& kernel) {
    RegistersLayout layout;
    layout.ip = TRY(kernel.field("pt_regs", "ip"));
    layout.sp = TRY(kernel.field("pt_regs", "sp"));
    layout.bp = TRY(kernel.field("pt_regs", "bp"));
    layout.cs = TRY(kernel.field("pt_regs", "cs"));
    layout.dx = TRY(kernel.field("pt_regs", "dx"));
    layout.di = TRY(kernel.field("pt_regs", "di"));
    layout.r10 = TRY(kernel.field("pt_regs", "r10"));
    layout.r13 = TRY(kernel.field("pt_regs", "r13"));
    return layout;
}

class Unwinder {
  public:
    Unwinder(const LinuxKernel& kernel, const RegistersLayout& layout, const LinuxModules& modules,
             const StackStart& start)
        : kernel_(kernel), layout_(layout), modules_(modules), tables_(kernel, modules), at_(start) {}

    LinuxStack run() {
        while (stack_.frames.size() < kMostFrames) {
            add_frame();
            if (const auto more = step(); !more || !*more) {
                if (!more)
                    stack_.end = more.error().message() + ".";
                return std::move(stack_);
            }
        }
        stack_.end = fmt::format("There are more frames than the {} that are shown.", kMostFrames);
        return std::move(stack_);
    }

  private:
    using Base = OrcEntry::Base;

    // A call's frame is that of the instruction before the one it returns to.
    std::uint64_t looked_up() const { return at_.interrupted ? at_.ip : at_.ip - 1; }

    std::string place() const {
        for (const LinuxModule& module : modules_.modules) {
            if (at_.ip - module.address < module.code_size)
                return fmt::format("{} [{}]", module_place(kernel_, module, at_.ip), module.name);
        }
        const auto symbol = kernel_.symbols().at(looked_up());
        if (!symbol || symbol->offset > kLongestFunction)
            return "?";
        return fmt::format("{}+0x{:x}", printable(symbol->name), symbol->offset + (at_.ip - looked_up()));
    }

    void add_frame() {
        stack_.frames.push_back({at_.ip, place(), at_.interrupted && !stack_.frames.empty(), guessed_});
    }

    // A register of the interrupted code, which is known only where an entry has saved all.
    Result<std::uint64_t> saved(const Field& field) const {
        if (registers_ == 0)
            return failure(fmt::format("follow the stack from 0x{:x}", at_.ip),
                           "it depends on a register that is not known here");
        return kernel_.number(registers_, field);
    }

    // The stack pointer before the frame.
    Result<std::uint64_t> previous_sp(const OrcEntry& entry) const {
        const auto offset = static_cast<std::uint64_t>(std::int64_t{entry.sp_offset});
        switch (entry.sp) {
            case Base::Sp:
                return at_.sp + offset;
            case Base::Bp:
                return at_.bp + offset;
            case Base::SpIndirect:
                return TRY(kernel_.pointer(at_.sp)) + offset;
            case Base::BpIndirect:
                return kernel_.pointer(at_.bp + offset);
            case Base::Dx:
                return saved(layout_.dx);
            case Base::Di:
                return saved(layout_.di);
            case Base::R10:
                return saved(layout_.r10);
            case Base::R13:
                return saved(layout_.r13);
            default:
                return failure(fmt::format("follow the stack from 0x{:x}", at_.ip),
                               "the kernel does not say how");
        }
    }

    Result<std::uint64_t> previous_bp(const OrcEntry& entry, std::uint64_t sp) const {
        const auto offset = static_cast<std::uint64_t>(std::int64_t{entry.bp_offset});
        switch (entry.bp) {
            case Base::PreviousSp:
                return kernel_.pointer(sp + offset);
            case Base::Bp:
                return kernel_.pointer(at_.bp + offset);
            default:
                return entry.kind == OrcEntry::Kind::Registers ? kernel_.number(sp, layout_.bp) : at_.bp;
        }
    }

    // Goes to the caller's frame. Returns false where the stack ends.
    Result<bool> step() {
        const OrcEntry entry = tables_.at(looked_up());
        if (entry.kind == OrcEntry::Kind::End)
            return false;
        const std::uint64_t sp = TRY(previous_sp(entry));
        const StackStart before = at_;
        const std::uint64_t bp = TRY(previous_bp(entry, sp));
        if (entry.kind == OrcEntry::Kind::Call)
            at_ = {TRY(kernel_.pointer(sp - kWord)), sp, bp, false};
        else if (entry.kind == OrcEntry::Kind::Undefined)
            return failure(fmt::format("follow the stack from 0x{:x}", at_.ip),
                           "the kernel does not say how");
        else if (!TRY(leave_interrupt(entry, sp, bp)))
            return false;
        if (entry.kind == OrcEntry::Kind::Call)
            registers_ = 0;
        guessed_ = entry.guessed;
        if (at_.ip == 0 || (at_.ip == before.ip && at_.sp == before.sp))
            return failure(fmt::format("follow the stack from 0x{:x}", before.ip), "it leads nowhere");
        return true;
    }

    // To the code that was interrupted. Returns false if that is a process's own.
    Result<bool> leave_interrupt(const OrcEntry& entry, std::uint64_t sp, std::uint64_t bp) {
        const bool all = entry.kind == OrcEntry::Kind::Registers;
        // Of some registers only those are there that the processor has pushed.
        const std::uint64_t registers = all ? sp : sp - layout_.ip.offset;
        const std::uint64_t ip = TRY(kernel_.number(registers, layout_.ip));
        if ((TRY(kernel_.number(registers, layout_.cs)) & kPrivilege) != 0) {
            stack_.end = fmt::format("From user mode, at 0x{:x}.", ip);
            return false;
        }
        at_ = {ip, TRY(kernel_.number(registers, layout_.sp)), bp, true};
        registers_ = all ? registers : 0;
        return true;
    }

    const LinuxKernel& kernel_;
    const RegistersLayout& layout_;
    const LinuxModules& modules_;
    OrcTables tables_;
    StackStart at_;
    std::uint64_t registers_ = 0;  // the address of struct pt_regs with the current frame's; 0: of none
    bool guessed_ = false;
    LinuxStack stack_;
};

}  // namespace

Result<StackStart> switched_out(const LinuxKernel& kernel, const LinuxTask& task) {
    const Field pointer = TRY(kernel.field("task_struct", "thread.sp"));
    const Field bp = TRY(kernel.field("inactive_task_frame", "bp"));
    const Field ip = TRY(kernel.field("inactive_task_frame", "ret_addr"));
    const std::uint64_t size = TRY(kernel.size_of("inactive_task_frame"));
    const std::uint64_t sp = TRY(kernel.number(task.address, pointer));
    StackStart start{TRY(kernel.number(sp, ip)), sp + size, TRY(kernel.number(sp, bp)), false};
    // One that has not run yet returns to where nothing has called it.
    for (const std::string_view name : {"ret_from_fork", "ret_from_fork_asm"})
        start.interrupted = start.interrupted || kernel.symbols().address(name) == start.ip;
    return start;
}

Result<LinuxStack> unwind(const LinuxKernel& kernel, const StackStart& start) {
    const RegistersLayout layout = TRY(registers_layout(kernel));
    const LinuxModules modules = TRY(read_modules(kernel));
    return Unwinder(kernel, layout, modules, start).run();
}

}  // namespace ringside::debug
