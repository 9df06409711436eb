#include "arch/x86_64/vmcb_check.h"

#include <algorithm>
#include <array>

#include "arch/x86_64/control_bits.h"

namespace ringside::x86 {

namespace {

constexpr std::uint64_t bit(unsigned n) {
    return std::uint64_t{1} << n;
}

// EFER's bits that no processor has (APM volume 2, 3.1.7).
constexpr std::uint64_t kEferReserved = 0xfe | bit(9) | bit(16) | bit(19) | ~(bit(22) - 1);

// A bit of a register that a processor has if its CPUID says so.
struct Feature {
    std::uint32_t SvmProcessor::*leaf;
    unsigned announced, controlled;
};
constexpr std::array kCr4Features{
    Feature{&SvmProcessor::ecx_7, 2, 11},   // UMIP
    Feature{&SvmProcessor::ecx_7, 16, 12},  // LA57
    Feature{&SvmProcessor::ebx_7, 0, 16},   // FSGSBASE
    Feature{&SvmProcessor::ecx_1, 17, 17},  // PCIDE
    Feature{&SvmProcessor::ecx_1, 26, 18},  // OSXSAVE
    Feature{&SvmProcessor::ebx_7, 7, 20},   // SMEP
    Feature{&SvmProcessor::ebx_7, 20, 21},  // SMAP
    Feature{&SvmProcessor::ecx_7, 3, 22},   // PKE
    Feature{&SvmProcessor::ecx_7, 7, 23},   // CET
};
constexpr std::uint64_t kCr4Always = 0x7ff;  // VME to OSXMMEXCPT
constexpr std::array kEferFeatures{
    Feature{&SvmProcessor::edx_80000001, 29, 8},   // LME
    Feature{&SvmProcessor::edx_80000001, 29, 10},  // LMA
    Feature{&SvmProcessor::edx_80000001, 20, 11},  // NXE
    Feature{&SvmProcessor::edx_80000001, 25, 14},  // FFXSR
    Feature{&SvmProcessor::ecx_80000001, 17, 15},  // TCE
};

std::uint64_t missing(const SvmProcessor& cpu, std::span<const Feature> features) {
    std::uint64_t bits = 0;
    for (const auto& [leaf, announced, controlled] : features)
        bits |= (cpu.*leaf & bit(announced)) == 0 ? bit(controlled) : 0;
    return bits;
}

std::uint64_t known(std::span<const Feature> features) {
    std::uint64_t bits = 0;
    for (const Feature& feature : features)
        bits |= bit(feature.controlled);
    return bits;
}

// Eight memory types, one in each byte; 2 and 3 are reserved.
bool is_pat(std::uint64_t value) {
    for (unsigned i = 0; i < 8; ++i) {
        const std::uint64_t type = value >> (8 * i) & 0xff;
        if (type > 7 || type == 2 || type == 3)
            return false;
    }
    return true;
}

class Checker {
  public:
    Checker(std::span<const std::byte> image, const SvmProcessor& cpu) : image_(image), cpu_(cpu) {}

    std::vector<VmcbViolation> run() && {
        check_intercepts();
        check_tlb_control();
        check_event();
        check_nested_paging();
        check_registers();
        check_long_mode();
        return std::move(found_);
    }

  private:
    void check_intercepts();
    void check_tlb_control();
    void check_event();
    void check_nested_paging();
    void check_registers();
    void check_long_mode();

    void begin(std::string_view section) { section_ = section; }
    std::uint64_t get(std::string_view name) const {
        return read_vmcb(image_, *std::ranges::find(vmcb_fields(), name, &VmcbField::name)).value_or(0);
    }
    bool has(std::string_view name, std::uint64_t bits) const { return (get(name) & bits) != 0; }
    void require(bool holds, std::string_view name, std::string_view rule) {
        if (!holds)
            found_.push_back(
                {*std::ranges::find(vmcb_fields(), name, &VmcbField::name), get(name), rule, section_});
    }
    void require_table(std::string_view name, std::uint64_t bytes) {
        const std::uint64_t base = get(name) & ~std::uint64_t{0xfff};
        require(base < bit(cpu_.physical_address_bits) && bytes <= bit(cpu_.physical_address_bits) - base,
                name, "the table extends beyond the processor's physical-address width");
    }

    std::span<const std::byte> image_;
    const SvmProcessor& cpu_;
    std::string_view section_;
    std::vector<VmcbViolation> found_;
};

void Checker::check_intercepts() {
    constexpr std::uint64_t kVmrun = 1, kIoTable = 0x3000, kMsrTable = 0x2000;
    begin("15.5.1");
    require(has("INTERCEPTS_2", kVmrun), "INTERCEPTS_2", "VMRUN must be intercepted");
    require(get("GUEST_ASID") != 0, "GUEST_ASID", "must not be 0");
    require_table("IOPM_BASE_PA", kIoTable);
    require_table("MSRPM_BASE_PA", kMsrTable);
}

void Checker::check_tlb_control() {
    constexpr std::uint64_t kFlushByAsid = bit(6);
    begin("15.16.1");
    const std::uint64_t control = get("TLB_CONTROL");
    const bool by_asid = control == 3 || control == 7;
    require(control <= 1 || by_asid, "TLB_CONTROL", "is a reserved value");
    require(!by_asid || (cpu_.edx_8000000a & kFlushByAsid) != 0, "TLB_CONTROL",
            "needs flush-by-ASID, which this processor does not have");
}

void Checker::check_event() {
    constexpr std::uint64_t kValid = bit(31), kExternal = 0, kNmi = 2, kExceptionEvent = 3, kSoftware = 4;
    begin("15.20");
    const std::uint64_t event = get("EVENT_INJECTION");
    if ((event & kValid) == 0)
        return;
    const std::uint64_t type = event >> 8 & 7, vector = event & 0xff;
    require(type == kExternal || type == kNmi || type == kExceptionEvent || type == kSoftware,
            "EVENT_INJECTION", "has a reserved type");
    require(type != kExceptionEvent || (vector != 2 && vector < 32), "EVENT_INJECTION",
            "has a vector that is not an exception's");
}

void Checker::check_nested_paging() {
    constexpr std::uint64_t kNested = bit(0), kNestedPaging = bit(0);
    begin("15.25.4");
    if (!has("NESTED_CONTROL", kNested))
        return;
    require((cpu_.edx_8000000a & kNestedPaging) != 0, "NESTED_CONTROL",
            "NP needs nested paging, which this processor does not have");
    require(get("N_CR3") < bit(cpu_.physical_address_bits), "N_CR3",
            "is beyond the processor's physical-address width");
    require(is_pat(get("G_PAT")), "G_PAT", "has a byte that is not a memory type");
}

void Checker::check_registers() {
    constexpr std::uint64_t kCd = bit(30), kNw = bit(29);
    begin("15.5.1");
    require(has("EFER", efer::kSvme), "EFER", "SVME must be 1");
    require(!has("EFER", kEferReserved), "EFER", "has a reserved bit");
    require(!has("EFER", missing(cpu_, kEferFeatures)), "EFER",
            "has a bit that this processor does not support");
    require(has("CR0", kCd) || !has("CR0", kNw), "CR0", "NW must be 0 if CD is");
    require(get("CR0") >> 32 == 0, "CR0", "has a bit above 31");
    require(get("CR3") < bit(cpu_.physical_address_bits), "CR3",
            "is beyond the processor's physical-address width");
    require(!has("CR4", ~(kCr4Always | known(kCr4Features))), "CR4", "has a reserved bit");
    require(!has("CR4", missing(cpu_, kCr4Features)), "CR4",
            "has a bit that this processor does not support");
    require(!has("CR4", cr4::kCet) || has("CR0", cr0::kWp), "CR4", "CET needs CR0.WP");
    require(get("DR6") >> 32 == 0, "DR6", "has a bit above 31");
    require(get("DR7") >> 32 == 0, "DR7", "has a bit above 31");
}

void Checker::check_long_mode() {
    constexpr std::uint64_t kL = bit(9), kD = bit(10);  // in attributes
    if (!has("EFER", efer::kLme) || !has("CR0", cr0::kPg))
        return;
    require(has("CR4", cr4::kPae), "CR4", "PAE must be 1 if EFER.LME and CR0.PG are");
    require(has("CR0", cr0::kPe), "CR0", "PE must be 1 if EFER.LME and CR0.PG are");
    require(!has("CR4", cr4::kPae) || !has("CS_ATTRIBUTES", kL) || !has("CS_ATTRIBUTES", kD), "CS_ATTRIBUTES",
            "L and D must not both be 1 in long mode");
}

}  // namespace

std::vector<VmcbViolation> check_vmcb(std::span<const std::byte> image, const SvmProcessor& processor) {
    return Checker(image, processor).run();
}

}  // namespace ringside::x86
