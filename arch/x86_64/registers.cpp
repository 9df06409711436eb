#include "arch/x86_64/registers.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace ringside::x86 {

static_assert(std::endian::native == std::endian::little, "registers are copied as little-endian bytes");
static_assert(std::is_standard_layout_v<CpuState> && std::is_trivially_copyable_v<CpuState>,
              "the register table addresses CpuState by offsets");

namespace {

const std::byte* place(const CpuState& state, const RegisterLocation& location) {
    return reinterpret_cast<const std::byte*>(&state) + location.offset;
}

std::byte* place(CpuState& state, const RegisterLocation& location) {
    return reinterpret_cast<std::byte*>(&state) + location.offset;
}

// Copies a register to `out`, zero-extended or cut to its size on the wire.
void load(const CpuState& state, const RegisterInfo& info, std::span<std::byte> out) {
    std::fill(out.begin(), out.end(), std::byte{0});
    if (info.location.kind == RegisterLocation::Kind::SegmentAttributes) {
        Segment segment;
        std::memcpy(&segment, place(state, info.location), sizeof segment);
        const std::uint32_t packed = pack_attributes(segment);
        std::memcpy(out.data(), &packed, sizeof packed);
        return;
    }
    std::memcpy(out.data(), place(state, info.location), std::min(out.size(), info.location.size));
}

// Returns true if a value's bytes beyond the register's own storage are all zero.
bool fits(const RegisterInfo& info, std::span<const std::byte> in) {
    if (in.size() <= info.location.size)
        return true;
    const auto rest = in.subspan(info.location.size);
    return std::all_of(rest.begin(), rest.end(), [](std::byte b) { return b == std::byte{0}; });
}

// The reverse of load(). A 32-bit view of a 64-bit register leaves the upper half as it is: a debugger that has only this
// view writes registers back, as after a call of a function, and must not lose what it does not see.
void store(CpuState& state, const RegisterInfo& info, std::span<const std::byte> in) {
    if (info.location.kind == RegisterLocation::Kind::SegmentAttributes) {
        Segment segment;
        std::uint32_t packed = 0;
        std::memcpy(&packed, in.data(), sizeof packed);
        std::memcpy(&segment, place(state, info.location), sizeof segment);
        unpack_attributes(packed, segment);
        std::memcpy(place(state, info.location), &segment, sizeof segment);
        return;
    }
    std::memcpy(place(state, info.location), in.data(), std::min(in.size(), info.location.size));
}

}  // namespace

std::string_view name(GdbArchitecture architecture) {
    switch (architecture) {
        case GdbArchitecture::X86_64:
            return "i386:x86-64";
        case GdbArchitecture::I386:
            return "i386";
        case GdbArchitecture::I8086:
            return "i8086";
    }
    return "";
}

std::string_view name(RegisterFeature feature) {
    switch (feature) {
        case RegisterFeature::Core:
            return "org.gnu.gdb.i386.core";
        case RegisterFeature::Sse:
            return "org.gnu.gdb.i386.sse";
        case RegisterFeature::Segments:
            return "org.gnu.gdb.i386.segments";
        case RegisterFeature::Avx:
            return "org.gnu.gdb.i386.avx";
        case RegisterFeature::Avx512:
            return "org.gnu.gdb.i386.avx512";
        case RegisterFeature::Pkeys:
            return "org.gnu.gdb.i386.pkeys";
        case RegisterFeature::System:
            return "org.ringside.x86.system";
    }
    return "";
}

std::string_view describe(RegisterError error) {
    switch (error) {
        case RegisterError::NoSuchRegister:
            return "there is no such register";
        case RegisterError::WrongSize:
            return "the data does not have the register's size";
        case RegisterError::ValueTooLarge:
            return "the value does not fit into the register";
    }
    return "";
}

std::uint32_t pack_attributes(const Segment& segment) {
    const auto field = [](std::uint8_t value, unsigned width, unsigned shift) {
        return (value & ((1u << width) - 1)) << shift;
    };
    return field(segment.type, 4, 0) | field(segment.s, 1, 4) | field(segment.dpl, 2, 5) |
           field(segment.present, 1, 7) | field(segment.avl, 1, 12) | field(segment.l, 1, 13) |
           field(segment.db, 1, 14) | field(segment.g, 1, 15) | field(segment.unusable, 1, 16);
}

void unpack_attributes(std::uint32_t attributes, Segment& segment) {
    const auto field = [attributes](unsigned width, unsigned shift) {
        return static_cast<std::uint8_t>((attributes >> shift) & ((1u << width) - 1));
    };
    segment.type = field(4, 0);
    segment.s = field(1, 4);
    segment.dpl = field(2, 5);
    segment.present = field(1, 7);
    segment.avl = field(1, 12);
    segment.l = field(1, 13);
    segment.db = field(1, 14);
    segment.g = field(1, 15);
    segment.unusable = field(1, 16);
}

RegisterFile::RegisterFile(FeatureSet features, GdbArchitecture architecture)
    : features_(features), architecture_(architecture), registers_(register_table(features, architecture)) {
    number();
}

void RegisterFile::number() {
    std::uint32_t offset = 0;
    for (std::uint32_t regno = 0; regno < registers_.size(); ++regno) {
        RegisterInfo& info = registers_[regno];
        info.regno = regno;
        info.offset = offset;
        offset += static_cast<std::uint32_t>(info.bytes());
        if (info.in_g) {  // the table has all of these first
            g_size_ = offset;
            g_count_ = regno + std::size_t{1};
            g_classes_.add(info.register_class);
        }
        if (info.expedited)
            expedited_.push_back(regno);
        if (info.generic == "pc")
            pc_ = regno;
    }
}

const RegisterInfo* RegisterFile::find(std::uint32_t regno) const {
    return regno < registers_.size() ? &registers_[regno] : nullptr;
}

const RegisterInfo* RegisterFile::find(std::string_view wanted) const {
    const auto found = std::find_if(registers_.begin(), registers_.end(), [&](const RegisterInfo& info) {
        return info.name == wanted || (!info.alt_name.empty() && info.alt_name == wanted);
    });
    return found == registers_.end() ? nullptr : &*found;
}

tl::expected<void, RegisterError> RegisterFile::read(const CpuState& state, std::uint32_t regno,
                                                     std::span<std::byte> out) const {
    const RegisterInfo* info = find(regno);
    if (info == nullptr)
        return tl::unexpected(RegisterError::NoSuchRegister);
    if (out.size() != info->bytes())
        return tl::unexpected(RegisterError::WrongSize);
    load(state, *info, out);
    return {};
}

tl::expected<void, RegisterError> RegisterFile::write(CpuState& state, std::uint32_t regno,
                                                      std::span<const std::byte> in) const {
    const RegisterInfo* info = find(regno);
    if (info == nullptr)
        return tl::unexpected(RegisterError::NoSuchRegister);
    if (in.size() != info->bytes())
        return tl::unexpected(RegisterError::WrongSize);
    if (!fits(*info, in))
        return tl::unexpected(RegisterError::ValueTooLarge);
    store(state, *info, in);
    return {};
}

void RegisterFile::encode_all(const CpuState& state, std::vector<std::byte>& out) const {
    const std::size_t start = out.size();
    out.resize(start + g_size_);
    for (std::size_t i = 0; i < g_count_; ++i) {
        const RegisterInfo& info = registers_[i];
        load(state, info, std::span(out).subspan(start + info.offset, info.bytes()));
    }
}

tl::expected<void, RegisterError> RegisterFile::decode_all(std::span<const std::byte> in,
                                                           CpuState& state) const {
    if (in.size() != g_size_)
        return tl::unexpected(RegisterError::WrongSize);
    for (std::size_t i = 0; i < g_count_; ++i) {
        if (!fits(registers_[i], in.subspan(registers_[i].offset, registers_[i].bytes())))
            return tl::unexpected(RegisterError::ValueTooLarge);
    }
    for (std::size_t i = 0; i < g_count_; ++i)
        store(state, registers_[i], in.subspan(registers_[i].offset, registers_[i].bytes()));
    return {};
}

}  // namespace ringside::x86
