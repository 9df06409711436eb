#include "vmm/debug/run_control/interrupted_step.h"

#include <array>
#include <tuple>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/cpu_mode.h"
#include "arch/x86_64/decode.h"
#include "arch/x86_64/descriptors.h"

namespace ringside::debug {

namespace {

class Search {
  public:
    Search(const GuestView& view, const StepOrigin& origin, const x86::SystemRegisters& system,
           PushedTrapFlag what)
        : view_(view), origin_(origin), system_(system), what_(what) {}

    // SDM volume 3, 6.14.2: the stack is aligned, and changes with the privilege level, or with an IST entry.
    bool long_mode() const {
        constexpr unsigned kWidth = 8, kFrame = 5 * kWidth;
        constexpr std::size_t kIstEntries = std::tuple_size_v<decltype(x86::TaskState::interrupt_stacks)>;
        const bool user = x86::requested_privilege(origin_.cs) == 3;
        if (!user && found(Gva{(origin_.stack.value & ~std::uint64_t{15}) - kFrame}, kWidth))
            return true;
        if (user && found_below(x86::kTaskStateRsp0, kWidth, kFrame))
            return true;
        for (std::uint64_t i = 0; i < kIstEntries; ++i)
            if (found_below(x86::kTaskStateInterruptStacks + i * kWidth, kWidth, kFrame))
                return true;
        return false;
    }

    // 6.12.1: without a change of level three values are pushed, with one five, to the stack in the TSS.
    bool protected_mode() const {
        constexpr unsigned kWidth = 4;
        if (x86::requested_privilege(origin_.cs) != 0)
            return found_below(x86::kTaskStateEsp0, kWidth, 5 * kWidth);
        return found(Gva{origin_.stack.value - std::uint64_t{3} * kWidth}, kWidth);
    }

    // 20.1.4
    bool real_mode() const {
        constexpr unsigned kWidth = 2;
        return found(Gva{origin_.stack.value - std::uint64_t{3} * kWidth}, kWidth);
    }

  private:
    // Below the top of a stack that the TSS names.
    bool found_below(std::uint64_t field, unsigned width, unsigned frame) const {
        const auto top = view_.load(system_, Gva{system_.tr.base + field}, width);
        const std::uint64_t aligned = width == 8 ? top.value_or(0) & ~std::uint64_t{15} : top.value_or(0);
        return aligned != 0 && found(Gva{aligned - frame}, width);
    }

    // A frame begins with the instruction pointer, CS and the flags, each `width` bytes wide.
    bool found(Gva frame, unsigned width) const {
        const auto rip = view_.load(system_, frame, width);
        const auto cs = view_.load(system_, frame + width, width);
        if (!rip || !cs || *rip - origin_.rip > x86::kMaxInstructionLength || (*cs & 0xffff) != origin_.cs)
            return false;
        if (width == 8 && view_.load(system_, frame + std::uint64_t{3} * width, width) != origin_.rsp)
            return false;
        return find_trap_flag(view_, system_, frame + std::uint64_t{2} * width, what_);
    }

    const GuestView& view_;
    const StepOrigin& origin_;
    const x86::SystemRegisters& system_;
    PushedTrapFlag what_;
};

}  // namespace

bool find_trap_flag(const GuestView& view, const x86::SystemRegisters& system, Gva flags,
                    PushedTrapFlag what) {
    constexpr std::byte kTrapFlagInSecondByte{x86::rflags::kTf >> 8};
    const auto page = view.translate(system, flags + 1);
    if (!page)
        return false;
    const auto byte = view.memory().span(page->gpa, 1);
    if (byte.empty() || (byte[0] & kTrapFlagInSecondByte) == std::byte{0})
        return false;
    if (what == PushedTrapFlag::Clear) {
        byte[0] &= ~kTrapFlagInSecondByte;
        view.memory().note_write(page->gpa, 1);
    }
    return true;
}

StepOrigin StepOrigin::from(const x86::GeneralRegisters& general, const x86::SystemRegisters& system) {
    return {general.rip, general.rsp, system.cs.selector, x86::linear_sp(general, system)};
}

bool find_pushed_trap_flag(const GuestView& view, const StepOrigin& origin,
                           const x86::GeneralRegisters& general, const x86::SystemRegisters& system,
                           PushedTrapFlag what) {
    const Search search(view, origin, system, what);
    const x86::CpuMode mode = x86::cpu_mode(general, system);
    if (x86::is_long_mode(mode))
        return search.long_mode();
    return mode == x86::CpuMode::Real ? search.real_mode() : search.protected_mode();
}

}  // namespace ringside::debug
