// BTF, the kernel's own description of its types (Documentation/bpf/btf.rst): where the members of its structures are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vmm/base/error.h"

namespace ringside::debug {

// A member of a structure, from the structure's start.
struct Field {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;    // of its type; 0 if it is not known
    unsigned first_bit = 0;    // of a bit-field, in the byte at `offset`
    unsigned bits = 0;         // 0: it is not a bit-field
    std::uint64_t length = 0;  // of an array, in elements; 0 for others
};

class Btf {
  public:
    // Checks every record; the error describes the first bad one.
    static Result<Btf> parse(std::vector<std::byte> bytes);
    Btf(Btf&&) = default;
    Btf& operator=(Btf&&) = default;

    std::size_t size() const { return types_.size(); }
    // The size of a structure or union.
    std::optional<std::uint64_t> size_of(std::string_view structure) const;
    // A member, in anonymous members too; "thread.sp" is a member of a member. Of several structures of that name, the
    // first that has it.
    std::optional<Field> field(std::string_view structure, std::string_view path) const;

  private:
    struct Type {
        std::uint32_t name = 0;
        std::uint32_t info = 0;
        std::uint32_t size_or_type = 0;
        std::uint32_t more = 0;  // where the following data begins
    };
    struct Member {
        std::string_view name;
        std::uint32_t type = 0;
        std::uint32_t bit_offset = 0;
        unsigned bits = 0;
    };
    // A member that was found, and the remaining limit of the search.
    struct Search {
        std::string_view name;
        int members_left = 0;
        std::uint64_t bit_offset = 0;
        Member found;
    };

    Btf() = default;
    Result<void> read_types(std::span<const std::byte> section);
    std::uint32_t number(std::size_t at) const;
    std::string_view text(std::uint32_t offset) const;
    const Type* type(std::uint32_t id) const;
    // The type after resolving typedefs and qualifiers.
    const Type* plain(std::uint32_t id) const;
    std::uint64_t size_of(const Type& of, int depth) const;
    Member member(const Type& structure, std::uint32_t index) const;
    bool find(const Type& structure, std::uint64_t base, int depth, Search& search) const;
    std::optional<Field> field(const Type& structure, std::string_view path) const;
    std::optional<Field> as_field(const Member& member, std::uint64_t bit_offset) const;

    std::vector<std::byte> bytes_;
    std::uint32_t strings_ = 0, strings_size_ = 0;
    std::vector<Type> types_;                                              // type 1 first: 0 is void
    std::unordered_multimap<std::string_view, std::uint32_t> structures_;  // names are in bytes_
};

}  // namespace ringside::debug
