// The format of exits in rings and trace files: an exit has seven words, a hardware exit twelve.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "arch/x86_64/exit_reasons.h"
#include "vmm/exits/record/exit_record.h"

namespace ringside::exits {

// entered, exited, handled, rip, kind, address, value; `kind` holds the reason in bits 0-31, the count in
// 32-47, the size in 48-55 and the direction in 56-63.
using PackedExit = std::array<std::uint64_t, 7>;

inline PackedExit pack(const ExitRecord& exit) {
    const std::uint64_t kind = std::uint64_t{exit.reason} | std::uint64_t{exit.count} << 32 |
                               std::uint64_t{exit.size} << 48 |
                               std::uint64_t{static_cast<std::uint8_t>(exit.direction)} << 56;
    return {exit.entered, exit.exited, exit.handled, exit.rip, kind, exit.address, exit.value};
}

// The words may come from a damaged file: any words give a valid record.
inline ExitRecord unpack(const PackedExit& words) {
    ExitRecord exit;
    exit.entered = words[0];
    exit.exited = words[1];
    exit.handled = words[2];
    exit.rip = words[3];
    exit.reason = static_cast<std::uint32_t>(words[4]);
    exit.count = static_cast<std::uint16_t>(words[4] >> 32);
    exit.size = static_cast<std::uint8_t>(words[4] >> 48);
    const auto direction = static_cast<std::uint8_t>(words[4] >> 56);
    exit.direction = direction <= static_cast<std::uint8_t>(Direction::Write)
                         ? static_cast<Direction>(direction)
                         : Direction::None;
    exit.address = words[5];
    exit.value = words[6];
    return exit;
}

// A hardware exit and its record. In `record`: `reason` is the basic exit reason or exit code,
// `entered` the guest's last entry, `exited` the exit, `handled` the next entry (all in nanoseconds of
// CLOCK_MONOTONIC_RAW); `value` is the value of an MSR access, otherwise info1.
struct HardwareRecord {
    ExitRecord record;
    x86::HardwareExit exit;
};

// A PackedExit; then kind (bits 0-7), "the gpa is known" (bit 8) and the reason (32-63); info1, info2;
// intr_info (0-31) and error code (32-63); the gpa.
using PackedHardwareExit = std::array<std::uint64_t, 12>;

inline PackedHardwareExit pack(const HardwareRecord& hardware) {
    const x86::HardwareExit& exit = hardware.exit;
    PackedHardwareExit words{};
    const PackedExit record = pack(hardware.record);
    std::copy(record.begin(), record.end(), words.begin());
    words[7] = std::uint64_t{static_cast<std::uint8_t>(exit.kind)} |
               std::uint64_t{exit.gpa.has_value()} << 8 | std::uint64_t{exit.reason} << 32;
    words[8] = exit.info1;
    words[9] = exit.info2;
    words[10] = std::uint64_t{exit.intr_info} | std::uint64_t{exit.error_code} << 32;
    words[11] = exit.gpa ? exit.gpa->value : 0;
    return words;
}

// Any words give a valid record, as above.
inline HardwareRecord unpack(const PackedHardwareExit& words) {
    HardwareRecord hardware;
    PackedExit record{};
    std::copy_n(words.begin(), record.size(), record.begin());
    hardware.record = unpack(record);
    x86::HardwareExit& exit = hardware.exit;
    exit.kind = (words[7] & 0xff) == static_cast<std::uint8_t>(x86::VirtualizationKind::Svm)
                    ? x86::VirtualizationKind::Svm
                    : x86::VirtualizationKind::Vmx;
    exit.reason = static_cast<std::uint32_t>(words[7] >> 32);
    exit.info1 = words[8];
    exit.info2 = words[9];
    exit.intr_info = static_cast<std::uint32_t>(words[10]);
    exit.error_code = static_cast<std::uint32_t>(words[10] >> 32);
    if ((words[7] & 0x100) != 0)
        exit.gpa = x86::Gpa{words[11]};
    return hardware;
}

}  // namespace ringside::exits
