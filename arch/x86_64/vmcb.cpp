#include "arch/x86_64/vmcb.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "arch/x86_64/exit_reasons.h"
#include "arch/x86_64/field_search.h"
#include "arch/x86_64/register_flags.h"
#include "arch/x86_64/svm_exits.h"
#include "arch/x86_64/vmx_exits.h"

namespace ringside::x86 {

namespace {

// APM volume 2, tables B-1 and B-2.
constexpr auto kFields = std::to_array<VmcbField>({
    {0x000, 4, "CR_INTERCEPTS"},
    {0x004, 4, "DR_INTERCEPTS"},
    {0x008, 4, "EXCEPTION_INTERCEPTS"},
    {0x00c, 4, "INTERCEPTS_1"},
    {0x010, 4, "INTERCEPTS_2"},
    {0x014, 4, "INTERCEPTS_3"},
    {0x03c, 2, "PAUSE_FILTER_THRESHOLD"},
    {0x03e, 2, "PAUSE_FILTER_COUNT"},
    {0x040, 8, "IOPM_BASE_PA"},
    {0x048, 8, "MSRPM_BASE_PA"},
    {0x050, 8, "TSC_OFFSET"},
    {0x058, 4, "GUEST_ASID"},
    {0x05c, 1, "TLB_CONTROL"},
    {0x060, 8, "VIRTUAL_INTERRUPT"},
    {0x068, 8, "INTERRUPT_SHADOW"},
    {0x070, 8, "EXIT_CODE"},
    {0x078, 8, "EXIT_INFO_1"},
    {0x080, 8, "EXIT_INFO_2"},
    {0x088, 8, "EXIT_INT_INFO"},
    {0x090, 8, "NESTED_CONTROL"},
    {0x098, 8, "AVIC_APIC_BAR"},
    {0x0a0, 8, "GHCB_GPA"},
    {0x0a8, 8, "EVENT_INJECTION"},
    {0x0b0, 8, "N_CR3"},
    {0x0b8, 8, "VIRTUALIZATION_CONTROL"},
    {0x0c0, 4, "CLEAN_BITS"},
    {0x0c8, 8, "NEXT_RIP"},
    {0x0d0, 1, "FETCHED_BYTES"},
    {0x0e0, 8, "AVIC_BACKING_PAGE"},
    {0x0f0, 8, "AVIC_LOGICAL_TABLE"},
    {0x0f8, 8, "AVIC_PHYSICAL_TABLE"},
    {0x108, 8, "VMSA_POINTER"},
    {0x400, 2, "ES_SELECTOR"},
    {0x402, 2, "ES_ATTRIBUTES"},
    {0x404, 4, "ES_LIMIT"},
    {0x408, 8, "ES_BASE"},
    {0x410, 2, "CS_SELECTOR"},
    {0x412, 2, "CS_ATTRIBUTES"},
    {0x414, 4, "CS_LIMIT"},
    {0x418, 8, "CS_BASE"},
    {0x420, 2, "SS_SELECTOR"},
    {0x422, 2, "SS_ATTRIBUTES"},
    {0x424, 4, "SS_LIMIT"},
    {0x428, 8, "SS_BASE"},
    {0x430, 2, "DS_SELECTOR"},
    {0x432, 2, "DS_ATTRIBUTES"},
    {0x434, 4, "DS_LIMIT"},
    {0x438, 8, "DS_BASE"},
    {0x440, 2, "FS_SELECTOR"},
    {0x442, 2, "FS_ATTRIBUTES"},
    {0x444, 4, "FS_LIMIT"},
    {0x448, 8, "FS_BASE"},
    {0x450, 2, "GS_SELECTOR"},
    {0x452, 2, "GS_ATTRIBUTES"},
    {0x454, 4, "GS_LIMIT"},
    {0x458, 8, "GS_BASE"},
    {0x464, 4, "GDTR_LIMIT"},
    {0x468, 8, "GDTR_BASE"},
    {0x470, 2, "LDTR_SELECTOR"},
    {0x472, 2, "LDTR_ATTRIBUTES"},
    {0x474, 4, "LDTR_LIMIT"},
    {0x478, 8, "LDTR_BASE"},
    {0x484, 4, "IDTR_LIMIT"},
    {0x488, 8, "IDTR_BASE"},
    {0x490, 2, "TR_SELECTOR"},
    {0x492, 2, "TR_ATTRIBUTES"},
    {0x494, 4, "TR_LIMIT"},
    {0x498, 8, "TR_BASE"},
    {0x4cb, 1, "CPL"},
    {0x4d0, 8, "EFER"},
    {0x548, 8, "CR4"},
    {0x550, 8, "CR3"},
    {0x558, 8, "CR0"},
    {0x560, 8, "DR7"},
    {0x568, 8, "DR6"},
    {0x570, 8, "RFLAGS"},
    {0x578, 8, "RIP"},
    {0x5d8, 8, "RSP"},
    {0x5e0, 8, "S_CET"},
    {0x5e8, 8, "SSP"},
    {0x5f0, 8, "ISST_ADDR"},
    {0x5f8, 8, "RAX"},
    {0x600, 8, "STAR"},
    {0x608, 8, "LSTAR"},
    {0x610, 8, "CSTAR"},
    {0x618, 8, "SFMASK"},
    {0x620, 8, "KERNEL_GS_BASE"},
    {0x628, 8, "SYSENTER_CS"},
    {0x630, 8, "SYSENTER_ESP"},
    {0x638, 8, "SYSENTER_EIP"},
    {0x640, 8, "CR2"},
    {0x668, 8, "G_PAT"},
    {0x670, 8, "DBGCTL"},
    {0x678, 8, "BR_FROM"},
    {0x680, 8, "BR_TO"},
    {0x688, 8, "LAST_EXCP_FROM"},
    {0x690, 8, "LAST_EXCP_TO"},
    {0x6e0, 8, "SPEC_CTRL"},
});
static_assert(std::ranges::is_sorted(kFields, {}, &VmcbField::offset));

constexpr std::uint16_t kExitCode = 0x070, kExitInfo1 = 0x078, kExitInfo2 = 0x080;

constexpr FlagField bit(std::string_view name, std::uint8_t n) {
    return {name, n, n};
}

constexpr std::array kVirtualInterrupt{FlagField{"V_TPR", 0, 7},
                                       bit("V_IRQ", 8),
                                       bit("V_GIF", 9),
                                       bit("V_NMI", 11),
                                       bit("V_NMI_MASK", 12),
                                       FlagField{"V_INTR_PRIO", 16, 19},
                                       bit("V_IGN_TPR", 20),
                                       bit("V_INTR_MASKING", 24),
                                       bit("V_GIF_ENABLE", 25),
                                       bit("V_NMI_ENABLE", 26),
                                       bit("X2AVIC", 30),
                                       bit("AVIC", 31),
                                       FlagField{"V_INTR_VECTOR", 32, 39}};
constexpr std::array kInterruptShadow{bit("INTERRUPT_SHADOW", 0), bit("GUEST_INTERRUPT_MASK", 1)};
constexpr std::array kNestedControl{bit("NP", 0), bit("SEV", 1), bit("SEV-ES", 2), bit("GMET", 3)};
constexpr std::array kVirtualization{bit("LBR", 0), bit("VMLOAD_VMSAVE", 1)};
constexpr std::array kClean{bit("I", 0),    bit("IOPM", 1),  bit("ASID", 2), bit("TPR", 3), bit("NP", 4),
                            bit("CRx", 5),  bit("DRx", 6),   bit("DT", 7),   bit("SEG", 8), bit("CR2", 9),
                            bit("LBR", 10), bit("AVIC", 11), bit("CET", 12)};
constexpr std::array kAttributes{FlagField{"type", 0, 3}, bit("S", 4), FlagField{"DPL", 5, 6}, bit("P", 7),
                                 bit("AVL", 8),           bit("L", 9), bit("DB", 10),          bit("G", 11)};

struct Decoder {
    std::string_view field;
    FlagsType type;
};
constexpr std::array kDecoders{Decoder{"VIRTUAL_INTERRUPT", {"", 8, kVirtualInterrupt}},
                               Decoder{"INTERRUPT_SHADOW", {"", 8, kInterruptShadow}},
                               Decoder{"NESTED_CONTROL", {"", 8, kNestedControl}},
                               Decoder{"VIRTUALIZATION_CONTROL", {"", 8, kVirtualization}},
                               Decoder{"CLEAN_BITS", {"", 4, kClean}}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kRegisters{
    {{"EFER", "x86_efer"},
     {"CR0", "x86_cr0"},
     {"CR4", "x86_cr4"},
     {"DR6", "x86_dr6"},
     {"DR7", "x86_dr7"},
     {"RFLAGS", "i386_eflags"}}};

// Each bit of the intercept words enables one exit code: bit 0 of the first word is code 0.
std::string describe_intercepts(const VmcbField& field, std::uint64_t value) {
    std::string text;
    for (std::uint32_t i = 0; i < 32; ++i) {
        if ((value >> i & 1) == 0)
            continue;
        const std::uint32_t code = field.offset * 8U + i;
        const std::string name = svm_exit_name(code);
        text += (text.empty() ? "" : " ") + (name.empty() ? fmt::format("0x{:x}", code) : name);
    }
    return text;
}

std::string describe_tlb_control(std::uint64_t value) {
    switch (value) {
        case 0:
            return "no flush";
        case 1:
            return "flush the whole TLB";
        case 3:
            return "flush this guest's entries";
        case 7:
            return "flush this guest's non-global entries";
        default:
            return "reserved";
    }
}

std::string describe_event(std::uint64_t value) {
    constexpr std::uint64_t kValid = std::uint64_t{1} << 31;
    return (value & kValid) == 0 ? "not valid"
                                 : describe_interruption(static_cast<std::uint32_t>(value),
                                                         static_cast<std::uint32_t>(value >> 32));
}

std::uint64_t quadword(std::span<const std::byte> image, std::uint16_t offset) {
    return read_vmcb(image, {offset, 8, {}}).value_or(0);
}

// A processor that could not enter the guest stores -1, as 32 or 64 bits.
std::string describe_exit_code(std::uint64_t code) {
    return exit_name(VirtualizationKind::Svm, static_cast<std::uint32_t>(code));
}

std::string describe_exit_info(std::span<const std::byte> image) {
    return describe_svm_info({.kind = VirtualizationKind::Svm,
                              .reason = static_cast<std::uint32_t>(quadword(image, kExitCode)),
                              .info1 = quadword(image, kExitInfo1),
                              .info2 = quadword(image, kExitInfo2)});
}

}  // namespace

std::span<const VmcbField> vmcb_fields() {
    return kFields;
}

std::vector<VmcbField> match_vmcb_fields(std::string_view text) {
    const std::string part = upper(text);
    const auto offset = field_number(text);
    std::vector<VmcbField> found;
    for (const VmcbField& field : kFields) {
        if (field.name == part || field.offset == offset)
            return {field};
        if (field.name.find(part) != std::string_view::npos)
            found.push_back(field);
    }
    return found;
}

std::optional<std::uint64_t> read_vmcb(std::span<const std::byte> image, const VmcbField& field) {
    if (std::size_t{field.offset} + field.bytes > image.size())
        return std::nullopt;
    std::uint64_t value = 0;
    std::memcpy(&value, image.data() + field.offset, field.bytes);
    return value;
}

void write_vmcb(std::span<std::byte> image, const VmcbField& field, std::uint64_t value) {
    if (std::size_t{field.offset} + field.bytes <= image.size())
        std::memcpy(image.data() + field.offset, &value, field.bytes);
}

std::string describe_vmcb_field(const VmcbField& field, std::uint64_t value,
                                std::span<const std::byte> image) {
    if (field.offset <= 0x014)
        return describe_intercepts(field, value);
    if (field.offset == kExitCode)
        return describe_exit_code(value);
    if (field.offset == kExitInfo1)
        return describe_exit_info(image);
    if (field.name == "EXIT_INT_INFO" || field.name == "EVENT_INJECTION")
        return describe_event(value);
    if (field.name == "TLB_CONTROL")
        return describe_tlb_control(value);
    if (field.name.ends_with("_ATTRIBUTES"))
        return format_flags({"", 2, kAttributes}, value);
    for (const auto& [name, type] : kDecoders) {
        if (name == field.name)
            return format_flags(type, value);
    }
    for (const auto& [name, type] : kRegisters) {
        if (name == field.name)
            return format_flags(*find_flags_type(type), value);
    }
    return {};
}

}  // namespace ringside::x86
