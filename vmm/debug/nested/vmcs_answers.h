// A VMCS or VMCB as the monitor shows it: by group, each field with its encoding, name, value and bits in words.
#pragma once

#include <span>
#include <string_view>

#include "arch/x86_64/vmcb_check.h"
#include "arch/x86_64/vmcs12.h"
#include "arch/x86_64/vmcs_check.h"
#include "vmm/base/error.h"
#include "vmm/debug/monitor/answer.h"
#include "vmm/kvm/nested_state.h"

namespace ringside::debug {

// The fields whose names match `pattern` (x86::match_vmcs_fields), or all of them if it is empty. Fields that are not
// known are listed after the words `of_the_unknown`.
Result<Answer> vmcs_fields_answer(Answer answer, const x86::VmcsValues& values, std::string_view pattern,
                                  std::string_view of_the_unknown);

// The same for a vCPU that is not a hypervisor, whose VMCS is KVM's own. `no_exit` says why the last hardware exit is not
// among the values; empty if it is.
Result<Answer> ordinary_vcpu_answer(const x86::VmcsValues& registers, std::string_view pattern,
                                    std::string_view no_exit);

// The current VMCS of a vCPU in this state. The error says why there is none to show.
Result<Answer> current_vmcs_answer(const kvm::NestedState& state, std::string_view pattern);

// The current VMCS of a vCPU in this state. The error says why there is none.
Result<x86::Vmcs12> current_vmcs(const kvm::NestedState& state);

// The fields in which two states of a VMCS differ.
Answer diff_answer(const x86::VmcsValues& before, const x86::VmcsValues& now);

// The broken rules, and how the processor reports them.
Answer check_answer(const x86::VmcsValues& vmcs, std::span<const x86::VmcsViolation> broken);

// The same of a vCPU that is no hypervisor, of which only the registers are known (x86::check_guest_state).
Answer ordinary_check_answer(const x86::VmcsValues& registers, std::span<const x86::VmcsViolation> broken);

// The fields of a VMCB that match `pattern`, or all of them if it is empty.
Result<Answer> vmcb_answer(Answer answer, std::span<const std::byte> image, std::string_view pattern);

// The fields in which two states of a VMCB differ.
Answer vmcb_diff_answer(Answer answer, std::span<const std::byte> before, std::span<const std::byte> now);

// The rules that a VMCB breaks, and how the processor reports them.
Answer vmcb_check_answer(Answer answer, std::span<const std::byte> image,
                         std::span<const x86::VmcbViolation> broken);

}  // namespace ringside::debug
