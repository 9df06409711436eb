// bzImages out of values, right or wrong, for loader tests.
#pragma once

#include <string_view>

#include "tests/unit/vmm/boot/elf_builder.h"
#include "vmm/boot/linux/setup_header.h"

namespace ringside::boot::linux_boot {

// One setup sector besides the boot sector, then `code`: 0x400 bytes of decompressor, and the payload behind
// it. What a test wants wrong, it pokes into the file.
class BzImageBuilder {
  public:
    static constexpr std::uint64_t kSetupSize = 1024;
    static constexpr std::uint64_t kDecompressorSize = 0x400;

    BzImageBuilder() : setup_(kSetupSize) {
        poke<std::uint8_t>(0x1f1, 1);
        poke(field::kBootFlag, kBootFlag);
        poke<std::uint8_t>(field::kJumpOffset, 0x6a);
        poke(field::kMagic, kHeaderMagic);
        poke<std::uint16_t>(field::kVersion, 0x20f);
        poke<std::uint8_t>(field::kLoadFlags, kLoadedHigh);
        poke<std::uint32_t>(field::kInitrdMaximum, 0x7fffffff);
        poke<std::uint32_t>(field::kAlignment, 0x200000);
        poke<std::uint8_t>(field::kRelocatable, 1);
        poke<std::uint16_t>(field::kXloadFlags, 1);
        poke<std::uint32_t>(field::kCommandLineSize, 2047);
        poke<std::uint32_t>(field::kPayloadOffset, kDecompressorSize);
        poke<std::uint64_t>(field::kPreferredAddress, 0x100000);
        poke<std::uint32_t>(field::kInitSize, 0x200000);
    }

    template <typename T>
    BzImageBuilder& poke(std::uint64_t offset, T value) {
        std::memcpy(setup_.data() + offset, &value, sizeof value);
        return *this;
    }
    BzImageBuilder& payload(Bytes bytes) {
        payload_ = std::move(bytes);
        return poke(field::kPayloadLength, static_cast<std::uint32_t>(payload_.size()));
    }

    Bytes build() const {
        Bytes file = setup_;
        file.resize(kSetupSize + kDecompressorSize, std::byte{0xf4});
        file.insert(file.end(), payload_.begin(), payload_.end());
        return file;
    }

  private:
    Bytes setup_;
    Bytes payload_;
};

}  // namespace ringside::boot::linux_boot
