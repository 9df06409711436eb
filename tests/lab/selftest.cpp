// The lab's own test: does this machine's KVM run a guest, and what does its debug API do? It knows nothing
// of Ringside.
//
// A real-mode guest of a few instructions is run under KVM_SET_GUESTDBG. That it runs at all, and that
// single-step works, is required of every host. For software breakpoints, DR0 execute breakpoints and DR0
// data watchpoints the program prints what was seen: hosts differ there (QEMU's SVM has none of them,
// software KVMs some), and the lab reports, not judges.
// `--require-debug` turns all of it into requirements.
//
// Only structs without flexible array members are used, so the header trap of linux/kvm.h in C++ does not
// matter here.

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace {

constexpr std::uint64_t kCodeAddress = 0x1000;
constexpr std::uint64_t kDataAddress = 0x2000;
constexpr std::uint64_t kStackTop = 0x4000;
constexpr std::size_t kMemorySize = 0x10000;
constexpr std::uint16_t kTestPort = 0x3f8;

// Offsets of the guest's instructions from kCodeAddress.
constexpr std::uint64_t kIncrementOffset = 2;  // inc ax
constexpr std::uint64_t kStoreOffset = 3;      // mov [0x2000], al
constexpr std::uint64_t kNopOffset = 6;        // nop: where breakpoints are set
constexpr std::uint64_t kHaltOffset = 11;      // hlt
constexpr std::array<std::uint8_t, 12> kCode = {
    0x31, 0xc0,        // xor ax, ax
    0x40,              // inc ax
    0xa2, 0x00, 0x20,  // mov [0x2000], al
    0x90,              // nop
    0xba, 0xf8, 0x03,  // mov dx, 0x3f8
    0xee,              // out dx, al
    0xf4,              // hlt
};
constexpr std::uint8_t kInt3 = 0xcc;
constexpr std::array<std::uint8_t, 2> kLoop = {0xeb, 0xfe};  // jmp to itself
constexpr int kSignalMicroseconds = 20'000;

// DR7 (SDM volume 3, 18.2.4): global enable of breakpoint 0, and its R/W and LEN fields.
constexpr std::uint64_t kDr7Enable0 = 0x2;
constexpr std::uint64_t kDr7WriteOneByte = 0x1ULL << 16U;

/// A virtual machine with one vCPU in real mode at kCodeAddress.
class Guest {
  public:
    explicit Guest(int kvm) {
        vm_ = ::ioctl(kvm, KVM_CREATE_VM, 0UL);
        memory_ = static_cast<std::uint8_t*>(
            ::mmap(nullptr, kMemorySize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        std::copy(kCode.begin(), kCode.end(), memory_ + kCodeAddress);
        kvm_userspace_memory_region region{};
        region.memory_size = kMemorySize;
        region.userspace_addr = reinterpret_cast<std::uint64_t>(memory_);
        ::ioctl(vm_, KVM_SET_TSS_ADDR, 0xfffbd000UL);
        ::ioctl(vm_, KVM_SET_USER_MEMORY_REGION, &region);
        vcpu_ = ::ioctl(vm_, KVM_CREATE_VCPU, 0UL);
        run_size_ = static_cast<std::size_t>(::ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0UL));
        run_ =
            static_cast<kvm_run*>(::mmap(nullptr, run_size_, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_, 0));
        reset();
    }
    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;
    ~Guest() {
        ::munmap(run_, run_size_);
        ::close(vcpu_);
        ::close(vm_);
        ::munmap(memory_, kMemorySize);
    }

    [[nodiscard]] bool usable() const { return vm_ >= 0 && vcpu_ >= 0; }
    [[nodiscard]] std::uint8_t* at(std::uint64_t address) { return memory_ + address; }
    [[nodiscard]] const kvm_run& state() const { return *run_; }

    [[nodiscard]] std::uint64_t rip() const {
        kvm_regs regs{};
        ::ioctl(vcpu_, KVM_GET_REGS, &regs);
        return regs.rip;
    }

    bool debug(std::uint32_t control, std::uint64_t dr0 = 0, std::uint64_t dr7 = 0) {
        kvm_guest_debug request{};
        request.control = control;
        request.arch.debugreg[0] = dr0;
        request.arch.debugreg[7] = dr7;
        return ::ioctl(vcpu_, KVM_SET_GUEST_DEBUG, &request) == 0;
    }

    /// Enters the guest until it leaves to here. The reason, or a negative errno.
    int enter() { return ::ioctl(vcpu_, KVM_RUN, 0UL) == 0 ? static_cast<int>(run_->exit_reason) : -errno; }

  private:
    void reset() {
        kvm_sregs special{};
        ::ioctl(vcpu_, KVM_GET_SREGS, &special);
        for (kvm_segment* segment : {&special.cs, &special.ds, &special.es, &special.ss}) {
            segment->base = 0;
            segment->selector = 0;
        }
        ::ioctl(vcpu_, KVM_SET_SREGS, &special);
        kvm_regs regs{};
        regs.rip = kCodeAddress;
        regs.rsp = kStackTop;
        regs.rflags = 2;
        ::ioctl(vcpu_, KVM_SET_REGS, &regs);
    }

    int vm_ = -1;
    int vcpu_ = -1;
    std::uint8_t* memory_ = nullptr;
    kvm_run* run_ = nullptr;
    std::size_t run_size_ = 0;
};

/// TAP, the Test Anything Protocol: numbered lines, diagnostics after a #.
class Tap {
  public:
    explicit Tap(bool require_debug) : require_debug_(require_debug) {}

    void require(bool passed, std::string_view what, const std::string& seen) {
        ++number_;
        failures_ += passed ? 0 : 1;
        std::printf("%s %d - %.*s # %s\n", passed ? "ok" : "not ok", number_, static_cast<int>(what.size()),
                    what.data(), seen.c_str());
    }

    /// A behaviour that hosts may lack: its absence is written down, and fails only under --require-debug.
    void measure(bool present, std::string_view what, const std::string& seen) {
        require(present || !require_debug_, what, (present ? "present: " : "ABSENT: ") + seen);
    }

    [[nodiscard]] int finish() const {
        std::printf("1..%d\n", number_);
        return failures_ == 0 ? 0 : 1;
    }

  private:
    bool require_debug_;
    int number_ = 0;
    int failures_ = 0;
};

std::string describe(int exit, const Guest& guest) {
    std::array<char, 160> text{};
    const kvm_debug_exit_arch& debug = guest.state().debug.arch;
    if (exit == KVM_EXIT_DEBUG) {
        std::snprintf(text.data(), text.size(), "debug exit, exception %u, pc %#llx, dr6 %#llx",
                      debug.exception, debug.pc, debug.dr6);
    } else {
        std::snprintf(text.data(), text.size(), "exit %d, rip %#llx", exit,
                      static_cast<unsigned long long>(guest.rip()));
    }
    return text.data();
}

void test_run(int kvm, Tap& tap) {
    Guest guest(kvm);
    tap.require(guest.usable(), "a virtual machine and a vCPU", std::strerror(guest.usable() ? 0 : errno));
    const int exit = guest.enter();
    const auto& io = guest.state().io;
    const auto* byte = reinterpret_cast<const std::uint8_t*>(&guest.state()) + io.data_offset;
    const bool out =
        exit == KVM_EXIT_IO && io.direction == KVM_EXIT_IO_OUT && io.port == kTestPort && *byte == 1;
    tap.require(out, "an out instruction leaves to userspace", describe(exit, guest));
    tap.require(*guest.at(kDataAddress) == 1, "a store reaches guest memory",
                std::to_string(*guest.at(kDataAddress)));
    const int halt = guest.enter();
    tap.require(halt == KVM_EXIT_HLT, "hlt leaves to userspace", describe(halt, guest));
}

/// Steps until the guest is at `target`. One exit without progress is let pass: Bochs gives one when a vCPU
/// is entered with RFLAGS.TF for the first time.
int step_to(Guest& guest, std::uint64_t target) {
    const int exit = guest.enter();
    return exit == KVM_EXIT_DEBUG && guest.rip() < target ? guest.enter() : exit;
}

void test_single_step(int kvm, Tap& tap) {
    Guest guest(kvm);
    guest.debug(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP);
    for (const std::uint64_t target : {kCodeAddress + kIncrementOffset, kCodeAddress + kStoreOffset}) {
        const int exit = step_to(guest, target);
        tap.require(exit == KVM_EXIT_DEBUG && guest.rip() == target, "single-step", describe(exit, guest));
    }
}

void test_software_breakpoint(int kvm, Tap& tap) {
    Guest guest(kvm);
    *guest.at(kCodeAddress + kNopOffset) = kInt3;
    guest.debug(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP);
    const int exit = guest.enter();
    tap.measure(exit == KVM_EXIT_DEBUG && guest.state().debug.arch.pc == kCodeAddress + kNopOffset,
                "int3 with KVM_GUESTDBG_USE_SW_BP", describe(exit, guest));
}

void test_execute_breakpoint(int kvm, Tap& tap) {
    Guest guest(kvm);
    guest.debug(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, kCodeAddress + kNopOffset, kDr7Enable0);
    const int exit = guest.enter();
    tap.measure(exit == KVM_EXIT_DEBUG && guest.rip() == kCodeAddress + kNopOffset, "DR0 execute breakpoint",
                describe(exit, guest));
}

void test_data_watchpoint(int kvm, Tap& tap) {
    Guest guest(kvm);
    guest.debug(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP, kDataAddress, kDr7Enable0 | kDr7WriteOneByte);
    const int exit = guest.enter();
    tap.measure(exit == KVM_EXIT_DEBUG && guest.rip() == kCodeAddress + kNopOffset, "DR0 data watchpoint",
                describe(exit, guest));
}

/// A guest that runs with IF clear and makes no exits must not block this machine's interrupts: without its timer the machine
/// would hang here.
void test_interrupts_off(int kvm, Tap& tap) {
    Guest guest(kvm);
    std::copy(kLoop.begin(), kLoop.end(), guest.at(kCodeAddress));
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, nullptr);
    const itimerval soon{{}, {0, kSignalMicroseconds}};
    ::setitimer(ITIMER_REAL, &soon, nullptr);
    const int exit = guest.enter();
    tap.require(exit == -EINTR && guest.rip() == kCodeAddress, "a signal reaches a guest with IF clear",
                describe(exit, guest));
}

static_assert(kCode[kNopOffset] == 0x90 && kCode[kHaltOffset] == 0xf4);

}  // namespace

int main(int argc, char** argv) {
    const bool require_debug = argc > 1 && std::string_view(argv[1]) == "--require-debug";
    Tap tap(require_debug);
    const int kvm = ::open("/dev/kvm", O_RDWR | O_CLOEXEC);
    tap.require(kvm >= 0, "/dev/kvm opens", kvm >= 0 ? "yes" : std::strerror(errno));
    if (kvm < 0) {
        return tap.finish();
    }
    const int version = ::ioctl(kvm, KVM_GET_API_VERSION, 0UL);
    tap.require(version == KVM_API_VERSION, "the API is version 12", std::to_string(version));
    test_run(kvm, tap);
    test_single_step(kvm, tap);
    test_software_breakpoint(kvm, tap);
    test_execute_breakpoint(kvm, tap);
    test_data_watchpoint(kvm, tap);
    test_interrupts_off(kvm, tap);
    ::close(kvm);
    return tap.finish();
}
