// SVM: names of exit codes, EXITINFO1 and EXITINFO2 in words. Use exit_reasons.h, which covers VMX as well.
#pragma once

#include <string>

#include "arch/x86_64/exit_reasons.h"

namespace ringside::x86 {

// Empty for an unknown code.
std::string svm_exit_name(std::uint32_t code);

std::string describe_svm_info(const HardwareExit& exit);

// Decoders of single fields (APM volume 2, 15.8 to 15.12 and 15.25.6).
std::string describe_ioio(std::uint64_t exitinfo1);
std::string describe_nested_page_fault(std::uint64_t exitinfo1, std::uint64_t exitinfo2);
std::string describe_svm_cr_access(unsigned cr, bool write, std::uint64_t exitinfo1);

}  // namespace ringside::x86
