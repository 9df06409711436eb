// What the processor pushes before it enters the handler of an interrupt or exception, and its meaning in words (SDM
// volume 3, 6.12.1, 6.13, 6.14.2 and 20.1.4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ringside::x86 {

// The size of one pushed word: real mode and 16-bit gates, 32-bit gates, long mode.
enum class FrameWidth : std::uint8_t { Bits16 = 2, Bits32 = 4, Bits64 = 8 };

struct ExceptionFrame {
    FrameWidth width = FrameWidth::Bits64;
    std::optional<std::uint64_t> error_code;
    std::uint64_t rip = 0;
    std::uint16_t cs = 0;
    std::uint64_t flags = 0;
    // SP and SS of the interrupted code: always in 64 bits, otherwise only if the privilege level has changed.
    std::optional<std::uint64_t> rsp;
    std::optional<std::uint16_t> ss;

    // The privilege level of the interrupted code. `real_mode`: its selectors have no level.
    unsigned privilege_level(bool real_mode) const;
};

// An error code and five words.
inline constexpr std::size_t kMostFrameWords = 6;

// `stack` is the memory at the stack pointer of a handler that has executed nothing yet; up to kMostFrameWords words
// are read. `handler_level` is the handler's privilege level. Returns nullopt if there are too few words.
std::optional<ExceptionFrame> decode_frame(std::span<const std::byte> stack, FrameWidth width,
                                           bool has_error_code, unsigned handler_level);

// Returns false if a processor cannot have pushed these flags: then no interrupt has led to the handler.
bool is_plausible(const ExceptionFrame& frame);

// In 64-bit mode the processor aligns the stack to 16 bytes before it pushes: so the stack pointer of a handler that
// has executed nothing shows if an error code was pushed.
constexpr bool error_code_was_pushed(std::uint64_t rsp) {
    return rsp % 16 == 0;
}

// "write, supervisor, page not present"; "selector 0x18 of the GDT"; empty if there is nothing to describe.
std::string describe_error_code(std::uint8_t vector, std::uint64_t error_code);

// "#PF (vector 14), error 0x2 (write, ...), CR2 0xdead000, at 0xffffffff81000123 <f+0x5>"; `symbol` may be empty.
std::string describe_event(std::uint8_t vector, const ExceptionFrame& frame, std::uint64_t cr2,
                           std::string_view symbol);

// The vector of "pf", "#PF" or "nmi"; nullopt if no exception has this name.
std::optional<std::uint8_t> exception_vector(std::string_view name);

}  // namespace ringside::x86
