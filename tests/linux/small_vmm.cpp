// small_vmm ROUNDS: a virtual machine monitor in a Linux guest, for a debugger to look at the guest's guest.
//
// Its guest has one page of code, which runs in 64-bit mode at kCode and makes three exits in each round: CPUID, which KVM
// handles, and OUT and HLT, which come here. It counts its rounds in R12 and in the word at kCounter. Its virtual addresses
// are its physical ones plus kVirtual. ROUNDS end the program; what went wrong is said in one line.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "vmm/kvm/kvm_abi.h"

asm(R"(
    .section .rodata
l2_code:
    xorl %eax, %eax
    cpuid
    incq %r12
    movq %r12, (%r13)
    movl %r12d, %eax
    outb %al, $0x80
    hlt
    jmp l2_code
l2_code_end:
    .text
)");
extern "C" const char l2_code[], l2_code_end[];

namespace {

constexpr std::uint64_t kVirtual = 0x1000000000;  // below it only the hypervisor has memory
constexpr std::uint64_t kTables = 0x1000, kCode = 0x8000, kCounter = 0x9000, kMemory = 0x200000;
constexpr std::uint64_t kPresentWritable = 3, kLargePage = 0x80;

int checked(int result, const char* what) {
    if (result < 0) {
        std::perror(what);
        std::exit(1);
    }
    return result;
}

// One page of 2 MiB, behind three tables.
void build_tables(std::uint8_t* memory) {
    const auto entry = [memory](std::uint64_t table, std::uint64_t index, std::uint64_t value) {
        std::memcpy(memory + table + index * sizeof value, &value, sizeof value);
    };
    entry(kTables, 0, (kTables + 0x1000) | kPresentWritable);
    entry(kTables + 0x1000, kVirtual >> 30, (kTables + 0x2000) | kPresentWritable);
    entry(kTables + 0x2000, 0, kPresentWritable | kLargePage);
}

// The processor that this one is: without it 64-bit mode is refused.
void set_cpuid(int kvm, int vcpu) {
    constexpr std::uint32_t kMost = 256;
    auto* cpuid =
        static_cast<kvm_cpuid2*>(std::calloc(1, sizeof(kvm_cpuid2) + kMost * sizeof(kvm_cpuid_entry2)));
    cpuid->nent = kMost;
    checked(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
    checked(ioctl(vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
    std::free(cpuid);
}

void set_registers(int vcpu) {
    kvm_sregs system{};
    checked(ioctl(vcpu, KVM_GET_SREGS, &system), "KVM_GET_SREGS");
    system.cr0 = 0x80000011;  // PG, ET, PE
    system.cr3 = kTables;
    system.cr4 = 0x20;    // PAE
    system.efer = 0x500;  // LMA, LME
    kvm_segment data{};
    data.limit = 0xffffffff;
    data.selector = 16;
    data.type = 3;
    data.present = data.s = data.g = data.db = 1;
    system.ds = system.es = system.fs = system.gs = system.ss = data;
    system.cs = data;
    system.cs.selector = 8;
    system.cs.type = 11;
    system.cs.db = 0;
    system.cs.l = 1;
    checked(ioctl(vcpu, KVM_SET_SREGS, &system), "KVM_SET_SREGS");
    kvm_regs general{};
    general.rip = kVirtual + kCode;
    general.r13 = kVirtual + kCounter;
    general.rflags = 2;
    checked(ioctl(vcpu, KVM_SET_REGS, &general), "KVM_SET_REGS");
}

int run(int vcpu, const kvm_run& shared, unsigned long rounds) {
    unsigned long ports = 0, halts = 0;
    while (halts < rounds) {
        checked(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
        if (shared.exit_reason == KVM_EXIT_IO) {
            ++ports;
        } else if (shared.exit_reason == KVM_EXIT_HLT) {
            ++halts;
        } else {
            std::printf("small_vmm: exit reason %u\n", shared.exit_reason);
            return 1;
        }
    }
    std::printf("small_vmm: %lu OUTs, %lu HLTs\n", ports, halts);
    return ports == halts ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const unsigned long rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 0) : 1;
    const int kvm = checked(open("/dev/kvm", O_RDWR), "/dev/kvm");
    const int vm = checked(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    void* memory = mmap(nullptr, kMemory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    auto* bytes = static_cast<std::uint8_t*>(memory);
    build_tables(bytes);
    std::memcpy(bytes + kCode, l2_code, static_cast<std::size_t>(l2_code_end - l2_code));
    kvm_userspace_memory_region region{};
    region.memory_size = kMemory;
    region.userspace_addr = reinterpret_cast<std::uintptr_t>(memory);
    checked(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
    const int vcpu = checked(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    const int size = checked(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
    void* shared = mmap(nullptr, static_cast<std::size_t>(size), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    set_cpuid(kvm, vcpu);
    set_registers(vcpu);
    return run(vcpu, *static_cast<const kvm_run*>(shared), rounds);
}
