#include "vmm/debug/run_control/instruction_completion.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "arch/x86_64/cpu_mode.h"

namespace ringside::debug {

namespace {

// FXSAVE's image begins with FCW and FSW (SDM volume 1, table 10-2).
constexpr std::size_t kX87Status = 2;

// One vCPU at CPL 0, and guest memory through its page tables.
class Machine final : public x86::CompletionMachine {
  public:
    Machine(const kvm::VcpuPort& vcpu, const GuestView& view, const x86::SystemRegisters& system)
        : vcpu_(vcpu), view_(view), system_(system) {}

    std::optional<std::uint64_t> read(Gva address, unsigned size) override {
        return view_.load(system_, address, size);
    }

    std::optional<bool> compare_exchange(Gva address, Pair& expected, Pair desired) override {
        const auto page = view_.translate(system_, address);
        if (!page || !page->permissions.writable)
            return std::nullopt;
        const auto place = view_.memory().span(page->gpa, sizeof(Pair));
        if (place.empty() || holds_planted_byte(page->gpa, place))
            return std::nullopt;
        bool equal = false;
        asm volatile("lock cmpxchg16b %1"
                     : "=@ccz"(equal), "+m"(*reinterpret_cast<Pair*>(place.data())), "+a"(expected.low),
                       "+d"(expected.high)
                     : "b"(desired.low), "c"(desired.high)
                     : "memory");
        view_.memory().note_write(page->gpa, sizeof(Pair));
        return equal;
    }

    std::optional<std::uint16_t> x87_status() override {
        const auto area = vcpu_.xsave();
        if (!area)
            return std::nullopt;
        std::uint16_t status = 0;
        std::memcpy(&status, area->data() + kX87Status, sizeof status);
        return status;
    }

    bool has_smap() override { return vcpu_.has_smap().value_or(false); }

  private:
    bool holds_planted_byte(Gpa gpa, std::span<const std::byte> place) const {
        std::array<std::byte, sizeof(Pair)> without{};
        const auto count = view_.read_physical(gpa, without);
        return !count || !std::ranges::equal(without, place);
    }

    const kvm::VcpuPort& vcpu_;
    const GuestView& view_;
    const x86::SystemRegisters& system_;
};

}  // namespace

std::optional<x86::GeneralRegisters> InstructionCompletion::complete(const kvm::VcpuPort& vcpu,
                                                                     const GuestView& view,
                                                                     const x86::GeneralRegisters& general,
                                                                     const x86::SystemRegisters& system) {
    if (x86::privilege_level(general, system) != 0)
        return std::nullopt;
    std::array<std::byte, x86::kMaxInstructionLength> code{};
    const std::size_t size = view.fetch(system, x86::linear_pc(general, system), code);
    Machine machine(vcpu, view, system);
    const auto after =
        x86::complete(decoder_, std::span<const std::byte>(code).first(size), general, system, machine);
    count_ += after ? 1 : 0;
    return after;
}

}  // namespace ringside::debug
