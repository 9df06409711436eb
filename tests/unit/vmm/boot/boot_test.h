// What loader tests share: a small guest, bytes in and out of it, and expectations about errors.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "tests/unit/vmm/boot/elf_builder.h"
#include "vmm/boot/boot_image.h"
#include "vmm/machine/layout.h"

namespace ringside::boot {

inline constexpr std::uint64_t kTestRam = 16 * layout::kMiB;

// The bytes of 32-bit words: multiboot headers consist of these.
inline std::string words(std::initializer_list<std::uint32_t> values) {
    std::string text;
    for (const std::uint32_t value : values)
        text.append(reinterpret_cast<const char*>(&value), sizeof value);
    return text;
}

class BootTest : public testing::Test {
  protected:
    Result<BootState> load_bytes(Bytes kernel, const Bytes& initrd = {}) {
        return load_with(std::move(kernel), std::vector<Bytes>(initrd.empty() ? 0 : 1, initrd));
    }

    Result<BootState> load_with(Bytes kernel, const std::vector<Bytes>& modules) {
        return load(request, {kernel, {modules.begin(), modules.end()}, firmware}, memory);
    }

    // Loads what must load.
    BootState loaded(Bytes kernel, const Bytes& initrd = {}) {
        auto state = load_bytes(std::move(kernel), initrd);
        EXPECT_TRUE(state) << state.error().message();
        return state.value_or(BootState{});
    }

    // The one-line error of what must not load.
    std::string rejected(Bytes kernel, const Bytes& initrd = {}) {
        auto state = load_bytes(std::move(kernel), initrd);
        EXPECT_FALSE(state);
        return state ? "" : state.error().message();
    }

    template <typename T>
    T peek(std::uint64_t address) {
        T value{};
        const auto read = memory.read(Gpa{address}, std::as_writable_bytes(std::span(&value, 1)));
        EXPECT_TRUE(read) << read.error().message();
        return value;
    }

    std::string text_at(std::uint64_t address) {
        std::string text;
        while (const char c = peek<char>(address++))
            text += c;
        return text;
    }

    Bytes firmware;
    BootRequest request{.kernel = "kernel.elf"};
    machine::GuestMemory memory = std::move(*machine::GuestMemory::create(kTestRam));
};

}  // namespace ringside::boot
