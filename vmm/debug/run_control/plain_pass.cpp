#include "vmm/debug/run_control/plain_pass.h"

#include <algorithm>
#include <array>

#include "arch/x86_64/decode.h"
#include "arch/x86_64/exceptions.h"
#include "vmm/debug/run_control/plain_memory.h"
#include "vmm/kvm/vcpu_events.h"
#include "vmm/machine/dirty_pages.h"

namespace ringside::debug {

// Behind an int3 that it could not emulate, KVM has a #UD ready for the guest, which it drops when the registers change.
Result<bool> PlainPass::nothing_pending() const {
    const x86::PendingEvents events = TRY(at_.events());
    if (events.interrupt || events.nmi_injected || events.interrupt_shadow())
        return false;
    const auto& exception = events.exception;
    const bool is_kvms_own = exception && !exception->injected && !kvm::is_debug_exit(vcpu_) &&
                             exception->vector == number(x86::ExceptionVector::InvalidOpcode);
    return !exception || is_kvms_own;
}

// How many bytes of the instruction may be fetched. What follows on another page is not looked at.
std::optional<std::size_t> PlainPass::bytes_on_page() const {
    const Gva pc = at_.pc();
    if (!quiet_translation(view_, at_.general, at_.system, pc, x86::PageUse::Fetch))
        return std::nullopt;
    return std::min<std::size_t>(x86::kMaxInstructionLength,
                                 machine::kPageSize - pc.value % machine::kPageSize);
}

Result<bool> PlainPass::pass(bool watched) {
    if (at_.trap_flag() || at_.system.inner.running)
        return false;
    const auto size = bytes_on_page();
    if (!size || !TRY(nothing_pending()))
        return false;
    std::array<std::byte, x86::kMaxInstructionLength> code{};
    const auto bytes = std::span(code).first(*size);
    const std::size_t count = view_.fetch(at_.system, at_.pc(), bytes);
    QuietMemory memory(vcpu_, view_, at_.general, at_.system, watched);
    const auto after = x86::execute_plain(bytes.first(count), at_.general, at_.system, memory);
    if (!after)
        return false;
    at_.general = *after;
    TRY(at_.store_general_at_entry());
    return true;
}

}  // namespace ringside::debug
