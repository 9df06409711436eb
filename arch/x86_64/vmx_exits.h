// VMX: names of exit reasons, exit qualifications in words. Use exit_reasons.h, which covers SVM as well.
#pragma once

#include <string>
#include <string_view>

#include "arch/x86_64/exit_reasons.h"

namespace ringside::x86 {

// Empty for an unknown reason.
std::string_view vmx_exit_name(std::uint32_t basic_reason);

std::string describe_vmx_qualification(const HardwareExit& exit);

// Decoders of single qualifications (SDM volume 3, 28.2.1), each from the raw 64 bits.
std::string describe_ept_violation(std::uint64_t qualification, std::optional<Gpa> gpa);
std::string describe_cr_access(std::uint64_t qualification);
std::string describe_dr_access(std::uint64_t qualification);
std::string describe_io(std::uint64_t qualification);
std::string describe_task_switch(std::uint64_t qualification);
std::string describe_apic_access(std::uint64_t qualification);
// Interruption information (28.2.2) with the error code that goes with it.
std::string describe_interruption(std::uint32_t intr_info, std::uint32_t error_code);

}  // namespace ringside::x86
