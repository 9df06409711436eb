// A guest made of values: memory with an identity-mapped long mode, and registers to read it with. No KVM.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>

#include "arch/x86_64/cpu_state.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::debug::testing {

// The debugger's int3s at given addresses, with the bytes that they replace.
class FakePlanted final : public machine::PlantedBytes {
  public:
    std::map<Gpa, std::byte> original;
    void hide(Gpa gpa, std::span<std::byte> bytes) const override {
        for (const auto& [address, byte] : original)
            if (address >= gpa && address - gpa < bytes.size())
                bytes[address - gpa] = byte;
    }
    void write(Gpa gpa, std::span<std::byte> place, std::span<const std::byte> data,
               machine::WrittenBy) override {
        std::ranges::copy(data, place.begin());
        for (auto& [address, byte] : original)
            if (address >= gpa && address - gpa < place.size())
                byte = std::exchange(place[address - gpa], std::byte{0xcc});
    }
};

class TestGuest {
  public:
    static constexpr std::uint64_t kSize = 0x400000;
    static constexpr std::uint64_t kPml4 = 0x1000, kPdpt = 0x2000, kDirectory = 0x3000, kTable = 0x4000;
    // Virtual 2 MiB + n pages are mapped by kTable; page 3 of them is not present, page 4 goes to nowhere.
    static constexpr std::uint64_t kMapped = 0x200000;
    static constexpr std::uint64_t kHole = kMapped + 3 * 0x1000;
    static constexpr std::uint64_t kNowhere = kMapped + 4 * 0x1000;

    TestGuest() : memory(make_memory()), view(memory, planted, 40) {
        constexpr std::uint64_t kPresentWritable = 3;
        poke(kPml4, kPdpt | kPresentWritable);
        poke(kPdpt, kDirectory | kPresentWritable);
        poke(kDirectory, 0x83);  // the first 2 MiB: a large page onto themselves
        poke(kDirectory + 8, kTable | kPresentWritable);
        for (std::uint64_t page = 0; page < 8; ++page)
            poke(kTable + 8 * page, (0x100000 + page * 0x2000) | kPresentWritable);  // every second frame
        poke(kTable + 8 * 3, 0);
        poke(kTable + 8 * 4, 0x7f000000 | kPresentWritable);
        state.system.cr0 = 0x80000011;
        state.system.cr3 = kPml4;
        state.system.cr4 = 0x20;
        state.system.efer = 0x500;
        state.system.cs.l = 1;
        state.system.cs.present = 1;
    }

    template <typename T>
    void poke(std::uint64_t gpa, T value) {
        std::memcpy(memory.span(Gpa{gpa}, sizeof value).data(), &value, sizeof value);
    }
    std::uint8_t peek(std::uint64_t gpa) const {
        return std::to_integer<std::uint8_t>(memory.span(Gpa{gpa}, 1)[0]);
    }

    machine::GuestMemory memory;
    FakePlanted planted;
    GuestView view;
    x86::CpuState state;

  private:
    static machine::GuestMemory make_memory() {
        return std::move(machine::GuestMemory::create(kSize).value());
    }
};

}  // namespace ringside::debug::testing
