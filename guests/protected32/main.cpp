// protected32: 32-bit protected mode, first without paging, then with it.
//
// A multiboot 1 loader enters lib/boot32.S with paging off, where virtual, linear and physical addresses are
// the same. The guest then builds a page directory of 4 MiB pages (PSE): the first 8 MiB onto themselves, and
// the page that holds this kernel a second time at 0xc0000000. It turns paging on, reads one variable through
// both addresses, calls a function through its high alias, and leaves through the debug-exit port with 0x10.
//
// Some CPUs, software-virtualised ones, know paging in long mode only and answer the write to CR0 with #GP.
// The guest prints this, continues without it, and ends with 0x12.
//
// To see:  break before_paging, break after_paging, break area, finish, p/x $cr0 before and after,
//          x/4x &shared and x/4x 0xc0000000 + (long)&shared

#include "guests/lib/boot_info.h"
#include "guests/lib/console.h"
#include "guests/lib/cpu.h"
#include "guests/lib/exit.h"
#include "guests/lib/interrupts.h"

using namespace guest;

namespace {

constexpr uint32_t kLargePage = 4u << 20;
constexpr uint32_t kPresentWritableLarge = 0x83;
constexpr uint32_t kHighBase = 0xc0000000;
constexpr unsigned kIdentityPages = 2;

alignas(4096) uint32_t page_directory[1024];

struct Rectangle {
    int width;
    int height;
};

constexpr uint8_t kUnsupported = 0x12;
uint32_t shared = 0x11223344;

}  // namespace

// Where breakpoints are worth most: the last line without paging and the first with it.
extern "C" void before_paging() {}
extern "C" void after_paging() {}

int area(const Rectangle& rectangle, int scale) {
    const int result = rectangle.width * rectangle.height * scale;
    return result;
}

unsigned factorial(unsigned n) {
    return n < 2 ? 1 : n * factorial(n - 1);
}

static void build_page_directory() {
    for (uint32_t i = 0; i < kIdentityPages; ++i)
        page_directory[i] = i * kLargePage | kPresentWritableLarge;
    page_directory[kHighBase / kLargePage] = 0 | kPresentWritableLarge;
}

static void* back_from_fault[5];  // for __builtin_setjmp

static void on_general_protection(InterruptFrame&) {
    set_handler(kVectorGeneralProtection, nullptr);  // the next one is reported
    __builtin_longjmp(back_from_fault, 1);
}

// Returns true if the CPU accepted it. The fault handler returns by a long jump, not by IRET, which a
// CPU that refuses paging here may not know in this mode either.
static bool enable_paging() {
    set_handler(kVectorGeneralProtection, on_general_protection);
    if (__builtin_setjmp(back_from_fault) != 0)
        return false;
    write_cr4(read_cr4() | kCr4PageSizeExtensions);
    write_cr3(reinterpret_cast<uint32_t>(page_directory));
    write_cr0(read_cr0() | kCr0Paging | kCr0WriteProtect);
    return true;
}

template <typename T>
static T* high_alias(T* low) {
    return reinterpret_cast<T*>(reinterpret_cast<uint32_t>(low) + kHighBase);
}

static bool aliases_agree() {
    volatile uint32_t* low = &shared;
    volatile uint32_t* high = high_alias(low);
    *high = 0x55667788;
    return *low == 0x55667788;
}

extern "C" void guest_main(uint32_t magic, const MultibootInfo& info) {
    if (magic != kMultibootMagic)
        debug_exit(kFailed);
    print("protected32: paging off, CR0 ", Hex{read_cr0()}, "\n");
    if ((info.flags & kMultibootHasMemory) != 0)
        print("memory above 1 MiB: ", static_cast<unsigned long>(info.memory_upper_kib), " KiB\n");

    initialise_interrupts();
    build_page_directory();
    before_paging();
    const bool paging = enable_paging();
    const Rectangle rectangle{6, 7};
    bool passed = area(rectangle, 10) == 420 && factorial(5) == 120;
    if (paging) {
        after_paging();
        print("paging on, CR0 ", Hex{read_cr0()}, "\n");
        auto* high_area = high_alias(&area);
        passed = passed && aliases_agree() && high_area(rectangle, 1) == 42;
    } else {
        print("paging refused by this CPU\n");
    }
    print(passed ? "ok\n" : "not ok\n");
    debug_exit(!passed ? kFailed : paging ? kPassed : kUnsupported);
}
