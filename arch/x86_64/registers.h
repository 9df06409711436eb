// The register table: the one place that defines which registers a debugger sees, their order and width, and
// where CpuState holds each. The target description, the g, G, p and P packets, LLDB's register queries and
// the text dump are all generated from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "arch/x86_64/cpu_state.h"

namespace ringside::x86 {

// The guest's CPU features beyond SSE. avx512 implies avx.
struct FeatureSet {
    bool avx = false;
    bool avx512 = false;
    bool pkru = false;
};

// The architecture that a register file is made for. It fixes the register names and sizes in gdb: rax and the
// like for X86_64, eax and the like for I386 and I8086, which differ only in how gdb disassembles.
// NOLINTNEXTLINE(readability-identifier-naming): the architecture's own spelling
enum class GdbArchitecture : std::uint8_t { X86_64, I386, I8086 };

// gdb's name: "i386:x86-64", "i386", "i8086"
std::string_view name(GdbArchitecture architecture);

// The features of a target description (gdb manual, "i386 Features"), in the order in which they are written.
enum class RegisterFeature : std::uint8_t { Core, Sse, Segments, Avx, Avx512, Pkeys, System };

// "org.gnu.gdb.i386.core", ..., "org.ringside.x86.system"
std::string_view name(RegisterFeature feature);

// Packs a segment's flags into the value of its attributes register: VMX's access-rights format (SDM volume
// 3, 25.4.1), bits 0-3 type, 4 S, 5-6 DPL, 7 P, 12 AVL, 13 L, 14 D/B, 15 G, 16 unusable.
std::uint32_t pack_attributes(const Segment& segment);
void unpack_attributes(std::uint32_t attributes, Segment& segment);

// Where a register's bytes are in CpuState.
struct RegisterLocation {
    enum class Kind : std::uint8_t {
        Bytes,              // `size` little-endian bytes at `offset`
        SegmentAttributes,  // pack_attributes() of the Segment at `offset`
    };
    std::size_t offset = 0;
    std::size_t size = 0;
    Kind kind = Kind::Bytes;
};

struct RegisterInfo {
    std::string name;
    std::string_view alt_name;  // "pc", "sp", "fp", "flags" or empty
    std::uint32_t bits = 64;    // on the wire
    RegisterFeature feature = RegisterFeature::Core;
    std::string_view type;   // gdb's type name, or one that the description defines
    std::string_view group;  // gdb's group: "general", "float", "vector", "system"
    RegisterClass register_class = RegisterClass::General;
    RegisterLocation location;

    std::int32_t dwarf = -1;    // System V x86-64 psABI, figure 3.36
    std::string_view generic;   // LLDB: "pc", "sp", "fp", "flags", "arg1".."arg6", or empty
    std::string_view set;       // LLDB: "General Purpose Registers", ...
    std::string_view format;    // LLDB: "hex", "float", "vector-uint8"
    std::string_view encoding;  // LLDB: "uint", "ieee754", "vector"
    bool expedited = false;     // sent with each stop reply

    // Set by RegisterFile.
    std::uint32_t regno = 0;
    std::uint32_t offset = 0;  // in bytes: in the g block, or where it would follow it
    bool in_g = true;

    std::size_t bytes() const { return bits / 8; }
};

enum class RegisterError : std::uint8_t {
    NoSuchRegister,
    WrongSize,      // the data is not exactly as long as the register (or the g block)
    ValueTooLarge,  // the register is narrower than its field on the wire, and the value does not fit
};
std::string_view describe(RegisterError error);

// A set of register classes.
class ClassSet {
  public:
    constexpr void add(RegisterClass c) { bits_ = static_cast<std::uint8_t>(bits_ | bit(c)); }
    constexpr bool has(RegisterClass c) const { return (bits_ & bit(c)) != 0; }
    friend constexpr bool operator==(ClassSet, ClassSet) = default;

  private:
    static constexpr unsigned bit(RegisterClass c) { return 1u << static_cast<unsigned>(c); }
    std::uint8_t bits_ = 0;
};

// The registers of one kind of CPU, numbered. Immutable; a regno is an index.
//
// The g block holds the general registers, selectors, x87, SSE, AVX, AVX-512 and PKRU: everything that gdb
// needs at each stop, from three register classes. The system registers follow it and are transferred one by
// one with p and P, so that a g packet needs few ioctls and few bytes. (gdb learns where the g block ends
// from the first g reply.)
class RegisterFile {
  public:
    explicit RegisterFile(FeatureSet features, GdbArchitecture architecture = GdbArchitecture::X86_64);

    std::span<const RegisterInfo> registers() const { return registers_; }
    const RegisterInfo* find(std::uint32_t regno) const;
    const RegisterInfo* find(std::string_view wanted) const;  // by name or alternative name

    FeatureSet features() const { return features_; }
    GdbArchitecture architecture() const { return architecture_; }
    std::uint32_t pc() const { return pc_; }
    std::span<const std::uint32_t> expedited() const { return expedited_; }

    // The g block: its length in bytes, the number of registers in it (regnos 0 to n-1), and the register
    // classes that they come from.
    std::size_t g_size() const { return g_size_; }
    std::size_t g_count() const { return g_count_; }
    ClassSet g_classes() const { return g_classes_; }

    // Reads one register into exactly bytes() bytes, little-endian.
    tl::expected<void, RegisterError> read(const CpuState& state, std::uint32_t regno,
                                           std::span<std::byte> out) const;
    // Writes one register. On an error the state is unchanged.
    tl::expected<void, RegisterError> write(CpuState& state, std::uint32_t regno,
                                            std::span<const std::byte> in) const;

    // Appends the g block to `out`, and writes the registers of one back. A G whose length or values are
    // wrong changes nothing.
    void encode_all(const CpuState& state, std::vector<std::byte>& out) const;
    tl::expected<void, RegisterError> decode_all(std::span<const std::byte> in, CpuState& state) const;

    // target.xml: one document, accepted by gdb and LLDB.
    std::string target_description() const;

  private:
    void number();

    FeatureSet features_;
    GdbArchitecture architecture_;
    std::vector<RegisterInfo> registers_;
    std::vector<std::uint32_t> expedited_;
    std::uint32_t pc_ = 0;
    std::size_t g_size_ = 0;
    std::size_t g_count_ = 0;
    ClassSet g_classes_;
};

// All rows of the table that such a CPU has, in order, not yet numbered: the input of RegisterFile.
std::vector<RegisterInfo> register_table(FeatureSet features, GdbArchitecture architecture);

// Every register as text, with flags decoded by name, for `monitor registers`. Includes vector registers only
// on request.
std::string format_registers(const CpuState& state, bool with_vectors = false);

}  // namespace ringside::x86
