#include "vmm/debug/nested/entry_failure_stop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arch/x86_64/entry_failures.h"
#include "arch/x86_64/opcodes.h"
#include "arch/x86_64/vmcb.h"
#include "tests/unit/vmm/debug/guest/test_guest.h"
#include "tests/unit/vmm/debug/nested/hypervisor_vcpu.h"

namespace ringside::debug {
namespace {

using ::testing::IsEmpty;
using ::testing::StartsWith;
using x86::VmcsField;

constexpr std::uint64_t kCarry = 1, kParity = 4, kZero = 0x40, kTrap = 0x100, kInterrupts = 0x200;
constexpr std::uint64_t kFailedEntry = 0x80000021, kCpuid = 10;
constexpr std::uint64_t kVmcb = 0x7000;
// L1's code: an entry, and the place where it continues.
constexpr std::uint64_t kCode = 0x8000, kBehind = kCode + x86::kVmEntryBytes;

class FailedEntry : public ::testing::Test {
  protected:
    // A hypervisor without paging.
    FailedEntry() {
        vcpu_.registers.rip = kBehind;
        vcpu_.registers.rax = kVmcb;
    }
    void execute(std::span<const std::byte> entry) { ASSERT_TRUE(guest_.memory.write(Gpa{kCode}, entry)); }
    void use_svm(std::uint64_t exit_code) {
        vcpu_.nested = {};
        vcpu_.nested.format = kvm::NestedState::Format::Svm;
        std::vector<std::byte> image(x86::kVmcbSize);
        x86::write_vmcb(image, x86::match_vmcb_fields("EXIT_CODE").front(), exit_code);
        ASSERT_TRUE(guest_.memory.write(Gpa{kVmcb}, image));
    }
    std::string said() { return entry_failure_behind(vcpu_, guest_.view, 46); }

    testing::TestGuest guest_;
    ringside::testing::ScriptedVcpu vcpu_;
};

struct OnVmx {
    const char* what;
    std::array<std::byte, x86::kVmEntryBytes> code;
    std::uint64_t rflags, error;
    bool launched;
    const char* says;  // how it begins; empty: nothing is said
};

TEST_F(FailedEntry, VmfailIsToldByTheInstructionTheFlagsAndTheError) {
    constexpr std::array kOther{std::byte{0x0f}, std::byte{0x01}, std::byte{0xc4}};  // VMXOFF
    const OnVmx cases[] = {
        {"its controls are refused", x86::kVmlaunch, kZero | 2, 7, false, "VM-instruction error 7"},
        {"its host state", x86::kVmresume, kZero | kInterrupts | 2, 8, true, "VM-instruction error 8"},
        {"the VMCS is not clear", x86::kVmlaunch, kZero | 2, 4, true, "VM-instruction error 4"},
        {"it was not launched", x86::kVmresume, kZero | 2, 5, false, "VM-instruction error 5"},
        {"the other instruction's error", x86::kVmresume, kZero | 2, 7, false, ""},
        {"VMREAD's error", x86::kVmlaunch, kZero | 2, 12, false, ""},
        {"nothing has failed yet", x86::kVmlaunch, kZero | 2, 0, false, ""},
        {"a comparison has set ZF", x86::kVmlaunch, kZero | kParity | 2, 7, false, ""},
        {"CF, with a current VMCS", x86::kVmlaunch, kCarry | 2, 7, false, ""},
        {"no flag", x86::kVmlaunch, 2, 7, false, ""},
        {"another instruction", kOther, kZero | 2, 7, false, ""},
        {"an instruction of SVM", x86::kVmrun, kZero | 2, 7, false, ""},
    };
    for (const OnVmx& way : cases) {
        run_hypervisor(vcpu_);
        execute(way.code);
        vcpu_.registers.rflags = way.rflags;
        x86::write_vmcs12(vcpu_.nested.image, VmcsField::VmInstructionError, way.error);
        set_launched(vcpu_, way.launched);
        if (*way.says != '\0')
            EXPECT_THAT(said(), StartsWith(way.says)) << way.what;
        else
            EXPECT_THAT(said(), IsEmpty()) << way.what;
        vcpu_.nested.guest_mode = true;
        EXPECT_THAT(said(), IsEmpty()) << way.what << ", in L2";
        vcpu_.nested.guest_mode = false;
    }
}

TEST_F(FailedEntry, WithoutAVmcsCarryTells) {
    run_hypervisor(vcpu_);
    vcpu_.nested.current_control.reset();
    vcpu_.nested.image.clear();
    execute(x86::kVmlaunch);
    vcpu_.registers.rflags = kCarry | 2;
    EXPECT_THAT(said(), StartsWith("no VMCS is current"));
    vcpu_.registers.rflags = kCarry | kParity | 2;
    EXPECT_THAT(said(), IsEmpty());
    vcpu_.registers.rflags = kCarry | 2;
    vcpu_.nested.vmxon_region.reset();
    EXPECT_THAT(said(), IsEmpty()) << "outside VMX operation the instruction raises #UD";
}

TEST_F(FailedEntry, AVmExitIsToldByWhatItLoads) {
    constexpr std::uint64_t kHostRip = 0x9000, kHostRsp = 0xa000;
    const struct {
        const char* what;
        std::uint64_t rip, rsp, rflags, reason;
        bool says;
    } cases[] = {
        {"the entry has failed", kHostRip, kHostRsp, 2, kFailedEntry, true},
        {"and the debugger steps", kHostRip, kHostRsp, 2 | kTrap, kFailedEntry, true},
        {"L2 has left", kHostRip, kHostRsp, 2, kCpuid, false},
        {"one instruction later", kHostRip + 1, kHostRsp, 2, kFailedEntry, false},
        {"a jump to there, with other flags", kHostRip, kHostRsp, 2 | kZero, kFailedEntry, false},
        {"a jump to there, with interrupts on", kHostRip, kHostRsp, 2 | kInterrupts, kFailedEntry, false},
        {"a call of it", kHostRip, kHostRsp - 8, 2, kFailedEntry, false},
    };
    for (const auto& way : cases) {
        run_hypervisor(vcpu_);
        x86::write_vmcs12(vcpu_.nested.image, VmcsField::HostRip, kHostRip);
        x86::write_vmcs12(vcpu_.nested.image, VmcsField::HostRsp, kHostRsp);
        x86::write_vmcs12(vcpu_.nested.image, VmcsField::ExitReason, way.reason);
        vcpu_.registers.rip = way.rip;
        vcpu_.registers.rsp = way.rsp;
        vcpu_.registers.rflags = way.rflags;
        if (way.says)
            EXPECT_THAT(said(), StartsWith("a VM exit with reason 33")) << way.what;
        else
            EXPECT_THAT(said(), IsEmpty()) << way.what;
    }
}

TEST_F(FailedEntry, VmrunIsToldByTheExitCode) {
    execute(x86::kVmrun);
    use_svm(0xffffffff);
    EXPECT_THAT(said(), StartsWith("VMEXIT_INVALID"));
    use_svm(~std::uint64_t{0});
    EXPECT_THAT(said(), StartsWith("VMEXIT_INVALID"));
    use_svm(0x72);
    EXPECT_THAT(said(), IsEmpty());
    use_svm(0xffffffff);
    vcpu_.registers.rip = kCode;
    EXPECT_THAT(said(), IsEmpty()) << "before VMRUN";
    vcpu_.registers.rip = kBehind;
    vcpu_.registers.rax = std::uint64_t{1} << 40;
    EXPECT_THAT(said(), IsEmpty()) << "RAX names no memory";
}

TEST_F(FailedEntry, UserCodeEntersNoGuest) {
    execute(x86::kVmrun);
    use_svm(0xffffffff);
    vcpu_.system_registers = guest_.state.system;
    EXPECT_THAT(said(), StartsWith("VMEXIT_INVALID"));
    vcpu_.system_registers.ss.dpl = 3;
    EXPECT_THAT(said(), IsEmpty());
}

TEST_F(FailedEntry, ABreakpointInTheInstructionHidesNothing) {
    execute(x86::kVmrun);
    use_svm(0xffffffff);
    guest_.poke<std::uint8_t>(kCode, 0xcc);
    guest_.planted.original[Gpa{kCode}] = x86::kVmrun.front();
    EXPECT_THAT(said(), StartsWith("VMEXIT_INVALID"));
}

}  // namespace
}  // namespace ringside::debug
