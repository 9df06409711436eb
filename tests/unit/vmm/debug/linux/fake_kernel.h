// A Linux kernel made of values: memory, a table of symbols, types and VMCOREINFO. No guest.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vmm/debug/linux/kernel/linux_kernel.h"

namespace ringside::debug::testing {

// Bytes from kBase on, which can be cut off anywhere.
class FakeMemory {
  public:
    static constexpr std::uint64_t kBase = 0xffffffff81000000;

    std::vector<std::byte> bytes = std::vector<std::byte>(0x20000);
    std::uint64_t end = bytes.size();  // what follows cannot be read

    template <typename T>
    void poke(std::uint64_t address, T value) {
        std::memcpy(bytes.data() + (address - kBase), &value, sizeof value);
    }
    void put(std::uint64_t address, std::string_view text) {
        std::memcpy(bytes.data() + (address - kBase), text.data(), text.size());
    }
    void put(std::uint64_t address, const std::vector<std::byte>& data) {
        std::memcpy(bytes.data() + (address - kBase), data.data(), data.size());
    }
    bool read(std::uint64_t address, std::span<std::byte> out) const {
        if (address < kBase || address - kBase > end || end - (address - kBase) < out.size())
            return false;
        std::memcpy(out.data(), bytes.data() + (address - kBase), out.size());
        return true;
    }
    // Physical addresses count from kBase.
    KernelMemory memory() const {
        return KernelMemory(
            [this](std::uint64_t address, std::span<std::byte> out) { return read(address, out); },
            [](std::uint64_t address) -> std::optional<std::uint64_t> {
                return address >= kBase ? std::optional(address - kBase) : std::nullopt;
            });
    }
};

// BTF, type after type. Each returns the new type's number.
class BtfBuilder {
  public:
    struct Member {
        std::string_view name;
        std::uint32_t type = 0;
        std::uint32_t byte = 0;
        std::uint32_t first_bit = 0;
        std::uint32_t bits = 0;
    };

    std::uint32_t integer(std::uint32_t size) { return type("", 1, 0, size, {size * 8}); }
    std::uint32_t pointer(std::uint32_t to) { return type("", 2, 0, to, {}); }
    std::uint32_t array(std::uint32_t of, std::uint32_t count) { return type("", 3, 0, 0, {of, of, count}); }
    std::uint32_t alias(std::string_view name, std::uint32_t of) { return type(name, 8, 0, of, {}); }
    std::uint32_t qualified(std::uint32_t of) { return type("", 10, 0, of, {}); }
    std::uint32_t structure(std::string_view name, std::uint32_t size, const std::vector<Member>& members) {
        constexpr std::uint32_t kHasBits = 1U << 31;
        std::vector<std::uint32_t> more;
        for (const Member& m : members)
            more.insert(more.end(), {text(m.name), m.type, m.bits << 24 | (m.byte * 8 + m.first_bit)});
        return type(name, 4, static_cast<std::uint32_t>(members.size()) | kHasBits, size, more);
    }
    std::uint32_t type(std::string_view name, std::uint32_t kind, std::uint32_t info,
                       std::uint32_t size_or_type, const std::vector<std::uint32_t>& more) {
        types_.insert(types_.end(), {text(name), info | kind << 24, size_or_type});
        types_.insert(types_.end(), more.begin(), more.end());
        return ++count_;
    }
    std::vector<std::byte> bytes() const {
        const auto types = static_cast<std::uint32_t>(types_.size() * 4);
        std::vector<std::uint32_t> words{0x0001eb9f, 24,    0,
                                         types,      types, static_cast<std::uint32_t>(strings_.size())};
        words.insert(words.end(), types_.begin(), types_.end());
        std::vector<std::byte> all(words.size() * 4 + strings_.size());
        std::memcpy(all.data(), words.data(), words.size() * 4);
        std::memcpy(all.data() + words.size() * 4, strings_.data(), strings_.size());
        return all;
    }

  private:
    std::uint32_t text(std::string_view name) {
        if (name.empty())
            return 0;
        const auto at = static_cast<std::uint32_t>(strings_.size());
        strings_.append(name).push_back('\0');
        return at;
    }

    std::vector<std::uint32_t> types_;
    std::string strings_ = std::string(1, '\0');
    std::uint32_t count_ = 0;
};

// Kallsyms at kAt: every byte is a separate token, except that 1 means "task".
class KallsymsBuilder {
  public:
    static constexpr std::uint64_t kAt = FakeMemory::kBase + 0x10000;
    static constexpr KallsymsPlaces kPlaces{.count = kAt,
                                            .names = kAt + 0x2000,
                                            .token_table = kAt + 0x800,
                                            .token_index = kAt + 0x400,
                                            .offsets = kAt + 0x1000,
                                            .relative_base = kAt + 8,
                                            .addresses = {}};

    explicit KallsymsBuilder(FakeMemory& memory) : memory_(memory) {
        memory_.poke(kPlaces.relative_base, FakeMemory::kBase);
        std::uint16_t at = 0;
        for (unsigned byte = 0; byte < 256; ++byte) {
            const std::string token = byte == 1 ? "task" : std::string(1, static_cast<char>(byte));
            memory_.poke(kPlaces.token_index + byte * 2, at);
            memory_.put(kPlaces.token_table + at, token + '\0');
            at = static_cast<std::uint16_t>(at + token.size() + 1);
        }
    }
    // `name` with its letter, compressed.
    void add(std::string_view name, std::uint64_t address) {
        const std::int64_t offset = address < FakeMemory::kBase
                                        ? static_cast<std::int64_t>(address)
                                        : -1 - static_cast<std::int64_t>(address - FakeMemory::kBase);
        memory_.poke(*kPlaces.offsets + 4 * count_, static_cast<std::int32_t>(offset));
        memory_.poke(kPlaces.names + names_, static_cast<std::uint8_t>(name.size()));
        memory_.put(kPlaces.names + names_ + 1, name);
        names_ += 1 + name.size();
        memory_.poke(kPlaces.count, ++count_);
    }
    std::uint64_t names_end() const { return kPlaces.names + names_; }

  private:
    FakeMemory& memory_;
    std::uint32_t count_ = 0;
    std::uint64_t names_ = 0;
};

inline std::string vmcoreinfo_text(std::string_view more = "") {
    const auto line = [](std::string_view name, std::uint64_t address) {
        char text[100];
        std::snprintf(text, sizeof text, "SYMBOL(%s)=%llx\n", std::string(name).c_str(),
                      static_cast<unsigned long long>(address));
        return std::string(text);
    };
    constexpr auto& kPlaces = KallsymsBuilder::kPlaces;
    return "OSRELEASE=6.1\n" + line("kallsyms_num_syms", kPlaces.count) +
           line("kallsyms_names", kPlaces.names) + line("kallsyms_token_table", kPlaces.token_table) +
           line("kallsyms_token_index", kPlaces.token_index) + line("kallsyms_offsets", *kPlaces.offsets) +
           line("kallsyms_relative_base", kPlaces.relative_base) + line("_stext", FakeMemory::kBase) +
           std::string(more);
}

inline Bytes vmcoreinfo(std::string_view more = "") {
    const std::string text = vmcoreinfo_text(more);
    return elf_note("VMCOREINFO", 0, std::as_bytes(std::span(text)));
}

// The kernel that is in `memory`, with these types.
inline LinuxKernel fake_kernel(const FakeMemory& memory, std::vector<std::byte> types) {
    auto tables = read_kernel_tables(memory.memory(), vmcoreinfo());
    tables->btf = std::move(Btf::parse(std::move(types)).value());
    return {memory.memory(), std::make_shared<const KernelTables>(*std::move(tables))};
}

}  // namespace ringside::debug::testing
