#include "vmm/debug/linux/kernel/btf.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace ringside::debug {

namespace {

constexpr const char* kParsing = "parse the kernel's types (BTF)";
constexpr std::uint16_t kMagic = 0xeb9f;
constexpr std::size_t kHeader = 24;
constexpr std::size_t kRecord = 12;
constexpr std::size_t kMemberSize = 12;
constexpr std::uint64_t kPointerSize = 8;
// Deeper than any kernel's types, so that what refers to itself ends.
constexpr int kDeepestType = 32;
constexpr int kMostMembers = 100'000;  // that one search examines
constexpr std::size_t kMostNamesakes = 16;

enum Kind : std::uint32_t {
    kInt = 1,
    kPointer,
    kArray,
    kStruct,
    kUnion,
    kEnum,
    kForward,
    kTypedef,
    kVolatile,
    kConst,
    kRestrict,
    kFunction,
    kPrototype,
    kVariable,
    kSection,
    kFloat,
    kDeclarationTag,
    kTypeTag,
    kEnum64,
};

std::uint32_t kind_of(std::uint32_t info) {
    return info >> 24 & 0x1f;
}

std::uint32_t count_of(std::uint32_t info) {
    return info & 0xffff;
}

// The bytes after a record; nullopt for an unknown kind.
std::optional<std::size_t> more_of(std::uint32_t info) {
    const std::size_t count = count_of(info);
    switch (kind_of(info)) {
        case kInt:
        case kVariable:
        case kDeclarationTag:
            return 4;
        case kArray:
            return 12;
        case kStruct:
        case kUnion:
        case kSection:
        case kEnum64:
            return count * kMemberSize;
        case kEnum:
        case kPrototype:
            return count * 8;
        case kPointer:
        case kForward:
        case kTypedef:
        case kVolatile:
        case kConst:
        case kRestrict:
        case kFunction:
        case kFloat:
        case kTypeTag:
            return 0;
        default:
            return std::nullopt;
    }
}

bool is_structure(std::uint32_t info) {
    return kind_of(info) == kStruct || kind_of(info) == kUnion;
}

bool names_another(std::uint32_t info) {
    switch (kind_of(info)) {
        case kTypedef:
        case kVolatile:
        case kConst:
        case kRestrict:
        case kTypeTag:
            return true;
        default:
            return false;
    }
}

}  // namespace

std::uint32_t Btf::number(std::size_t at) const {
    std::uint32_t value = 0;
    if (at + sizeof value <= bytes_.size())
        std::memcpy(&value, bytes_.data() + at, sizeof value);
    return value;
}

// Of a string section that ends with a zero byte.
std::string_view Btf::text(std::uint32_t offset) const {
    if (offset >= strings_size_)
        return {};
    return reinterpret_cast<const char*>(bytes_.data()) + strings_ + offset;
}

Result<Btf> Btf::parse(std::vector<std::byte> bytes) {
    Btf btf;
    btf.bytes_ = std::move(bytes);
    const std::uint64_t size = btf.bytes_.size();
    if (size < kHeader || size > UINT32_MAX)
        return failure(kParsing, fmt::format("{} bytes are too few or too many", size));
    const std::uint32_t first = btf.number(0);
    const std::uint64_t header = btf.number(4);
    if ((first & 0xffff) != kMagic || (first >> 16 & 0xff) != 1 || header < kHeader)
        return failure(kParsing, fmt::format("this is not BTF of version 1 (0x{:x})", first));
    const std::uint64_t types = header + btf.number(8), types_size = btf.number(12);
    const std::uint64_t strings = header + btf.number(16), strings_size = btf.number(20);
    if (types + types_size > size || strings + strings_size > size)
        return failure(kParsing, "it is longer than its place");
    if (strings_size == 0 || btf.bytes_[strings + strings_size - 1] != std::byte{0})
        return failure(kParsing, "its names do not end");
    btf.strings_ = static_cast<std::uint32_t>(strings);
    btf.strings_size_ = static_cast<std::uint32_t>(strings_size);
    TRY(btf.read_types(std::span(btf.bytes_).subspan(types, types_size)));
    return btf;
}

Result<void> Btf::read_types(std::span<const std::byte> section) {
    const auto start = static_cast<std::size_t>(section.data() - bytes_.data());
    const std::size_t end = start + section.size();
    for (std::size_t at = start; at != end;) {
        const auto id = static_cast<std::uint32_t>(types_.size() + 1);
        if (end - at < kRecord)
            return failure(kParsing, fmt::format("type {} is cut off", id));
        const Type type{number(at), number(at + 4), number(at + 8), static_cast<std::uint32_t>(at + kRecord)};
        const auto more = more_of(type.info);
        if (!more)
            return failure(kParsing,
                           fmt::format("type {} is of the unknown kind {}", id, kind_of(type.info)));
        if (end - at - kRecord < *more)
            return failure(kParsing, fmt::format("type {} is cut off", id));
        at += kRecord + *more;
        types_.push_back(type);
        if (is_structure(type.info) && type.name != 0)
            structures_.emplace(text(type.name), id);
    }
    return {};
}

const Btf::Type* Btf::type(std::uint32_t id) const {
    return id == 0 || id > types_.size() ? nullptr : &types_[id - 1];
}

const Btf::Type* Btf::plain(std::uint32_t id) const {
    const Type* found = type(id);
    for (int depth = 0; found != nullptr && names_another(found->info); ++depth)
        found = depth < kDeepestType ? type(found->size_or_type) : nullptr;
    return found;
}

std::uint64_t Btf::size_of(const Type& of, int depth) const {
    switch (kind_of(of.info)) {
        case kInt:
        case kStruct:
        case kUnion:
        case kEnum:
        case kEnum64:
        case kFloat:
            return of.size_or_type;
        case kPointer:
            return kPointerSize;
        case kArray: {
            const Type* element = depth < kDeepestType ? plain(number(of.more)) : nullptr;
            return element == nullptr ? 0 : number(of.more + 8) * size_of(*element, depth + 1);
        }
        default:
            return 0;
    }
}

Btf::Member Btf::member(const Type& structure, std::uint32_t index) const {
    const std::size_t at = structure.more + index * kMemberSize;
    const bool has_bits = structure.info >> 31 != 0;
    const std::uint32_t place = number(at + 8);
    return {text(number(at)), number(at + 4), has_bits ? place & 0xffffff : place,
            has_bits ? place >> 24 : 0};
}

bool Btf::find(const Type& structure, std::uint64_t base, int depth, Search& search) const {
    if (!is_structure(structure.info) || depth == kDeepestType)
        return false;
    for (std::uint32_t i = 0; i < count_of(structure.info); ++i) {
        if (search.members_left-- <= 0)
            return false;
        const Member here = member(structure, i);
        if (here.name == search.name) {
            search.found = here;
            search.bit_offset = base + here.bit_offset;
            return true;
        }
        const Type* inner = here.name.empty() ? plain(here.type) : nullptr;
        if (inner != nullptr && find(*inner, base + here.bit_offset, depth + 1, search))
            return true;
    }
    return false;
}

std::optional<Field> Btf::as_field(const Member& member, std::uint64_t bit_offset) const {
    Field field{bit_offset / 8, 0, static_cast<unsigned>(bit_offset % 8), member.bits, 0};
    if (member.bits == 0 && field.first_bit != 0)
        return std::nullopt;
    if (const Type* its = plain(member.type)) {
        field.size = size_of(*its, 0);
        if (kind_of(its->info) == kArray)
            field.length = number(its->more + 8);
    }
    return field;
}

std::optional<Field> Btf::field(const Type& structure, std::string_view path) const {
    const Type* here = &structure;
    std::uint64_t base = 0;
    while (true) {
        const std::size_t dot = std::min(path.find('.'), path.size());
        Search search{path.substr(0, dot), kMostMembers, 0, {}};
        if (search.name.empty() || !find(*here, base, 0, search))
            return std::nullopt;
        if (dot == path.size())
            return as_field(search.found, search.bit_offset);
        here = plain(search.found.type);
        if (here == nullptr)
            return std::nullopt;
        base = search.bit_offset;
        path.remove_prefix(dot + 1);
    }
}

std::optional<Field> Btf::field(std::string_view structure, std::string_view path) const {
    std::vector<std::uint32_t> ids;
    const auto [first, last] = structures_.equal_range(structure);
    for (auto it = first; it != last; ++it)
        ids.push_back(it->second);
    std::ranges::sort(ids);
    ids.resize(std::min(ids.size(), kMostNamesakes));
    for (const std::uint32_t id : ids) {
        if (const auto found = field(*type(id), path))
            return found;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> Btf::size_of(std::string_view structure) const {
    const auto it = structures_.find(structure);
    return it == structures_.end() ? std::nullopt : std::optional(size_of(*type(it->second), 0));
}

}  // namespace ringside::debug
