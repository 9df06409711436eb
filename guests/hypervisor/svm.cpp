// L1 on an AMD processor (APM volume 2, chapter 15 and appendix B).
#include "guests/hypervisor/breaks.h"
#include "guests/hypervisor/l2.h"
#include "guests/hypervisor/l2_memory.h"
#include "guests/hypervisor/run.h"
#include "guests/hypervisor/vmcb.h"
#include "guests/lib/console.h"
#include "guests/lib/cpu.h"
#include "guests/lib/segments.h"

using guest::Hex;
using guest::print;

extern "C" void svm_enter(hypervisor::L2Registers&, uint64_t vmcb);  // enter.S

namespace hypervisor {
// A debugger that stops here sees a VMCB with which VMRUN has failed.
[[gnu::noinline]] void vmrun_refused(const char* name) {
    print(name, ": VMEXIT_INVALID\n");
}

namespace {

constexpr uint32_t kHostSaveArea = 0xc0010117, kMsrPat = 0x277;
constexpr uint64_t kSvmEnable = 1 << 12, kLongMode = 0x500;  // in EFER

// Offsets in the VMCB.
constexpr unsigned kIntercepts1 = 0x00c, kIntercepts2 = 0x010, kIoMap = 0x040, kAsid = 0x058,
                   kExitCode = 0x070, kExitInfo1 = 0x078, kExitInfo2 = 0x080, kNestedControl = 0x090,
                   kNestedCr3 = 0x0b0;
constexpr unsigned kEs = 0x400, kSegmentSize = 0x10, kEfer = 0x4d0, kCr4 = 0x548, kCr3 = 0x550, kCr0 = 0x558,
                   kDr7 = 0x560, kDr6 = 0x568, kRflags = 0x570, kRip = 0x578, kRsp = 0x5d8, kRax = 0x5f8,
                   kPat = 0x668;

constexpr uint64_t kInterceptShutdown = 1u << 31, kInterceptCpuid = 1u << 18, kInterceptHlt = 1u << 24,
                   kInterceptIo = 1u << 27;
constexpr uint64_t kInterceptVmrun = 1, kInterceptVmmcall = 2;  // VMRUN fails without the first

constexpr uint64_t kCodeCpuid = 0x72, kCodeHlt = 0x78, kCodeIo = 0x7b, kCodeVmmcall = 0x81,
                   kCodeNestedFault = 0x400;
constexpr uint32_t kCodeInvalid = 0xffffffff;

alignas(4096) uint8_t host_save_area[4096];
alignas(4096) uint8_t io_map[3 * 4096];  // a bit for each port

// Attributes as in a descriptor, without the limit's bits in the middle.
void set_segment(unsigned index, uint16_t selector, uint16_t attributes, uint32_t limit) {
    const unsigned at = kEs + index * kSegmentSize;
    field<uint16_t>(at) = selector;
    field<uint16_t>(at + 2) = attributes;
    field<uint32_t>(at + 4) = limit;
}

void prepare_vmcb(uint64_t nested_cr3) {
    for (uint8_t& byte : vmcb)
        byte = 0;
    for (uint8_t& ports : io_map)
        ports = 0xff;
    field<uint32_t>(kIntercepts1) = kInterceptShutdown | kInterceptCpuid | kInterceptHlt | kInterceptIo;
    field<uint32_t>(kIntercepts2) = kInterceptVmrun | kInterceptVmmcall;
    field<uint64_t>(kIoMap) = reinterpret_cast<uint64_t>(io_map);
    field<uint32_t>(kAsid) = 1;
    field<uint64_t>(kNestedControl) = 1;
    field<uint64_t>(kNestedCr3) = nested_cr3;
    for (unsigned i = 0; i < 4; ++i)  // ES, CS, SS, DS
        set_segment(i, i == 1 ? KERNEL_CODE : KERNEL_DATA, i == 1 ? 0xa9b : 0xc93, 0xffffffff);
    field<uint64_t>(kEfer) = kLongMode | kSvmEnable;
    field<uint64_t>(kCr0) = guest::read_cr0();
    field<uint64_t>(kCr3) = kL2PageMap;
    field<uint64_t>(kCr4) = guest::read_cr4();
    field<uint64_t>(kDr6) = 0xffff0ff0;
    field<uint64_t>(kDr7) = 0x400;
    field<uint64_t>(kRflags) = 2;
    field<uint64_t>(kRsp) = kL2StackTop;
    field<uint64_t>(kRip) = reinterpret_cast<uint64_t>(&l2_main);
    field<uint64_t>(kPat) = guest::read_msr(kMsrPat);
}

Exit exit_of(uint64_t code) {
    switch (code) {
        case kCodeCpuid:
            return Exit::Cpuid;
        case kCodeIo:
            return Exit::Io;
        case kCodeHlt:
            return Exit::Hlt;
        case kCodeNestedFault:
            return Exit::MissingPage;
        case kCodeVmmcall:
            return Exit::Hypercall;
        default:
            print("unexpected exit, code ", Hex{code}, ", information ", Hex{field<uint64_t>(kExitInfo1)},
                  "\n");
            return Exit::Other;
    }
}

// How long the instruction was: of OUT the VMCB says where the next one is.
void finish(Exit exit) {
    switch (exit) {
        case Exit::Cpuid:
            field<uint64_t>(kRip) = field<uint64_t>(kRip) + 2;
            break;
        case Exit::Io:
            field<uint64_t>(kRip) = field<uint64_t>(kExitInfo2);
            break;
        case Exit::Hlt:
            field<uint64_t>(kRip) = field<uint64_t>(kRip) + 1;
            break;
        case Exit::Hypercall:
            field<uint64_t>(kRip) = field<uint64_t>(kRip) + 3;
            break;
        default:
            map_late_page(SecondLevel::Nested);
    }
}

bool refuses(const VmcbBreak& broken, uint64_t nested_cr3) {
    prepare_vmcb(nested_cr3);
    apply(broken);
    svm_enter(l2, reinterpret_cast<uint64_t>(vmcb));
    if (field<uint32_t>(kExitCode) != kCodeInvalid)
        return false;
    vmrun_refused(broken.name);
    return true;
}

bool run(Facts& facts) {
    field<uint64_t>(kRax) = l2.rax;
    svm_enter(l2, reinterpret_cast<uint64_t>(vmcb));
    l2.rax = field<uint64_t>(kRax);
    facts = {exit_of(field<uint64_t>(kExitCode)), field<uint64_t>(kExitInfo2) & ~0xfffull,
             field<uint64_t>(kRip)};
    return true;
}

}  // namespace

bool run_on_svm(unsigned long rounds, const char* broken) {
    print("hypervisor: SVM\n");
    guest::write_msr(guest::kMsrEfer, guest::read_msr(guest::kMsrEfer) | kSvmEnable);
    guest::write_msr(kHostSaveArea, reinterpret_cast<uint64_t>(host_save_area));
    const uint64_t nested_cr3 = build_l2_memory(SecondLevel::Nested);
    l2.rdi = static_cast<uint64_t>(Processor::Svm);
    if (broken != nullptr)
        return refuses_all(vmcb_breaks, vmcb_break_count, broken,
                           [=](const VmcbBreak& way) { return refuses(way, nested_cr3); });
    prepare_vmcb(nested_cr3);
    return run_rounds(rounds, {run, finish});
}

}  // namespace hypervisor
