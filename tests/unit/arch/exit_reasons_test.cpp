#include "arch/x86_64/exit_reasons.h"

#include <gtest/gtest.h>

namespace ringside::x86 {
namespace {

constexpr auto kVmx = VirtualizationKind::Vmx;
constexpr auto kSvm = VirtualizationKind::Svm;

std::uint32_t vmx(VmxExitReason reason) {
    return static_cast<std::uint32_t>(reason);
}
std::uint32_t svm(SvmExitCode code) {
    return static_cast<std::uint32_t>(code);
}

TEST(ExitName, KnowsBothVendors) {
    EXPECT_EQ(exit_name(kVmx, 48), "EPT_VIOLATION");
    EXPECT_EQ(exit_name(kVmx, 10), "CPUID");
    EXPECT_EQ(exit_name(kSvm, 0x72), "CPUID");
    EXPECT_EQ(exit_name(kSvm, 0x400), "NPF");
    EXPECT_EQ(exit_name(kSvm, 0x13), "WRITE_CR3");
    EXPECT_EQ(exit_name(kSvm, 0x4e), "PF_EXCP");
    EXPECT_EQ(exit_name(kSvm, 0x42), "EXCP2");
    EXPECT_EQ(exit_name(kSvm, 0xffffffff), "INVALID");
}

TEST(ExitName, ShowsUnknownCodesInHex) {
    EXPECT_EQ(exit_name(kVmx, 35), "0x23");
    EXPECT_EQ(exit_name(kSvm, 0x999), "0x999");
}

TEST(ExitName, LooksThroughTheEntryFailureFlag) {
    const HardwareExit exit{kVmx, 0x80000021};
    EXPECT_EQ(exit_name(exit), "INVALID_STATE");
    EXPECT_TRUE(is_entry_failure(exit));
    EXPECT_FALSE(is_entry_failure({kSvm, 0xffffffff}));
}

TEST(FindExit, IsTheReverseOfTheName) {
    for (std::uint32_t code = 0; code < 0x500; ++code) {
        for (const auto kind : {kVmx, kSvm}) {
            const std::string name = exit_name(kind, code);
            if (!name.starts_with("0x")) {
                EXPECT_EQ(find_exit(kind, name), code) << name;
            }
        }
    }
    EXPECT_EQ(find_exit(kVmx, "ept_violation"), 48u);
    EXPECT_EQ(find_exit(kSvm, "Invalid"), 0xffffffffu);
    EXPECT_EQ(find_exit(kVmx, "NPF"), std::nullopt);
    EXPECT_EQ(find_exit(kVmx, ""), std::nullopt);
}

struct Case {
    HardwareExit exit;
    const char* words;
};

class Qualification : public testing::TestWithParam<Case> {};

TEST_P(Qualification, IsPutIntoWords) {
    EXPECT_EQ(describe_qualification(GetParam().exit), GetParam().words);
}

INSTANTIATE_TEST_SUITE_P(
    Vmx, Qualification,
    testing::Values(
        Case{{kVmx, vmx(VmxExitReason::EptViolation), 0x182, 0, 0, 0, Gpa{0xd0000000}},
             "write, gpa 0xd0000000, page ---"},
        Case{{kVmx, vmx(VmxExitReason::EptViolation), 0x9d}, "read+fetch, page rw-, in a page-table walk"},
        Case{{kVmx, vmx(VmxExitReason::EptMisconfiguration), 0, 0, 0, 0, Gpa{0xfee00000}}, "gpa 0xfee00000"},
        Case{{kVmx, vmx(VmxExitReason::CrAccess), 0x003}, "mov cr3, rax"},
        Case{{kVmx, vmx(VmxExitReason::CrAccess), 0xc18}, "mov r12, cr8"},
        Case{{kVmx, vmx(VmxExitReason::CrAccess), 0x20}, "clts"},
        Case{{kVmx, vmx(VmxExitReason::CrAccess), 0x10070}, "lmsw 0x1 from memory"},
        Case{{kVmx, vmx(VmxExitReason::DrAccess), 0x107}, "mov dr7, rcx"},
        Case{{kVmx, vmx(VmxExitReason::DrAccess), 0x16}, "mov rax, dr6"},
        Case{{kVmx, vmx(VmxExitReason::IoInstruction), 0x03f80000}, "out 0x3f8, 1 byte"},
        Case{{kVmx, vmx(VmxExitReason::IoInstruction), 0x01f00039}, "rep ins 0x1f0, 2 bytes"},
        Case{{kVmx, vmx(VmxExitReason::ExceptionOrNmi), 0xdead, 0, 0x80000b0e, 2},
             "#PF, error code 0x2 (write, supervisor, page not present), address 0xdead"},
        Case{{kVmx, vmx(VmxExitReason::ExceptionOrNmi), 0, 0, 0x80000603, 0}, "#BP"},
        Case{{kVmx, vmx(VmxExitReason::ExceptionOrNmi), 0x4001, 0, 0x80000301, 0}, "#DB, DR6 bits 0x4001"},
        Case{{kVmx, vmx(VmxExitReason::ExceptionOrNmi), 0, 0, 0x80000202, 0}, "NMI"},
        Case{{kVmx, vmx(VmxExitReason::ExternalInterrupt), 0, 0, 0x800000ec, 0}, "vector 0xec"},
        Case{{kVmx, vmx(VmxExitReason::TaskSwitch), 0x40000028}, "iret to TSS selector 0x28"},
        Case{{kVmx, vmx(VmxExitReason::ApicAccess), 0x1300}, "write of APIC register 0x300"},
        Case{{kVmx, vmx(VmxExitReason::Cpuid)}, ""}, Case{{kVmx, 0x23, 0x5}, "qualification 0x5"}));

INSTANTIATE_TEST_SUITE_P(
    Svm, Qualification,
    testing::Values(Case{{kSvm, svm(SvmExitCode::Ioio), 0x03f80010}, "out 0x3f8, 1 byte"},
                    Case{{kSvm, svm(SvmExitCode::Ioio), 0x0070004d}, "rep ins 0x70, 4 bytes"},
                    Case{{kSvm, svm(SvmExitCode::Msr), 1}, "wrmsr"},
                    Case{{kSvm, svm(SvmExitCode::Msr), 0}, "rdmsr"},
                    Case{{kSvm, svm(SvmExitCode::NestedPageFault), 0x100000006, 0xd0000000},
                         "write, gpa 0xd0000000, page not present"},
                    Case{{kSvm, svm(SvmExitCode::NestedPageFault), 0x20000000d, 0x1000},
                         "read, gpa 0x1000, protection violation, reserved bit set, in a page-table walk"},
                    Case{{kSvm, 0x13, 0x8000000000000007}, "mov cr3, rdi"},
                    Case{{kSvm, 0x03, 0}, "read of cr3"}, Case{{kSvm, 0x4d, 0x10}, "#GP, error code 0x10"},
                    Case{{kSvm, 0x4e, 0x4, 0xbeef},
                         "#PF, error code 0x4 (read, user, page not present), address 0xbeef"},
                    Case{{kSvm, 0x43}, "#BP"}, Case{{kSvm, 0x37}, "write of dr7"},
                    Case{{kSvm, svm(SvmExitCode::Cpuid)}, ""},
                    Case{{kSvm, 0x999, 1, 2}, "exitinfo1 0x1, exitinfo2 0x2"}));

}  // namespace
}  // namespace ringside::x86
