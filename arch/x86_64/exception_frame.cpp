#include "arch/x86_64/exception_frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "arch/x86_64/exceptions.h"

namespace ringside::x86 {

namespace {

constexpr std::uint64_t kVirtual8086 = std::uint64_t{1} << 17;
constexpr std::uint8_t kExceptions = 32;

// The words of a stack, one after another.
class Words {
  public:
    Words(std::span<const std::byte> stack, FrameWidth width)
        : stack_(stack), size_(static_cast<std::size_t>(width)) {}

    std::optional<std::uint64_t> next() {
        if (stack_.size() < size_)
            return std::nullopt;
        std::uint64_t word = 0;
        std::memcpy(&word, stack_.data(), size_);
        stack_ = stack_.subspan(size_);
        return word;
    }

  private:
    std::span<const std::byte> stack_;
    std::size_t size_;
};

// SDM volume 3, 6.13.
std::string describe_selector_error(std::uint64_t error_code) {
    constexpr std::uint64_t kExternal = 1, kInIdt = 2, kLocal = 4;
    const std::uint64_t index = error_code >> 3 & 0x1fff;
    const char* external = (error_code & kExternal) != 0 ? ", by an external event" : "";
    if ((error_code & kInIdt) != 0)
        return fmt::format("gate {} of the IDT{}", index, external);
    if ((error_code & ~kExternal) == 0)
        return *external != '\0' ? external + 2 : "no selector";
    return fmt::format("selector {:#x} of the {}{}", error_code & 0xfffc,
                       (error_code & kLocal) != 0 ? "LDT" : "GDT", external);
}

}  // namespace

unsigned ExceptionFrame::privilege_level(bool real_mode) const {
    if (real_mode)
        return 0;
    return (flags & kVirtual8086) != 0 ? 3 : cs & 3;
}

std::optional<ExceptionFrame> decode_frame(std::span<const std::byte> stack, FrameWidth width,
                                           bool has_error_code, unsigned handler_level) {
    Words words(stack, width);
    ExceptionFrame frame;
    frame.width = width;
    if (has_error_code)
        frame.error_code = words.next();
    const auto rip = words.next(), cs = words.next(), flags = words.next();
    if (!flags)
        return std::nullopt;
    frame.rip = *rip;
    frame.cs = static_cast<std::uint16_t>(*cs);
    frame.flags = *flags;
    if (width != FrameWidth::Bits64 && frame.privilege_level(false) <= handler_level)
        return frame;
    const auto rsp = words.next(), ss = words.next();
    if (ss) {
        frame.rsp = rsp;
        frame.ss = static_cast<std::uint16_t>(*ss);
    }
    return frame;
}

bool is_plausible(const ExceptionFrame& frame) {
    constexpr std::uint64_t kOne = 1 << 1, kZeros = 1 << 3 | 1 << 5 | 1 << 15;
    constexpr std::uint64_t kDefined = (std::uint64_t{1} << 22) - 1;
    return (frame.flags & kOne) != 0 && (frame.flags & kZeros) == 0 && (frame.flags & ~kDefined) == 0;
}

std::string describe_error_code(std::uint8_t vector, std::uint64_t error_code) {
    switch (static_cast<ExceptionVector>(vector)) {
        case ExceptionVector::PageFault:
            return describe_page_fault_error(error_code);
        case ExceptionVector::InvalidTss:
        case ExceptionVector::SegmentNotPresent:
        case ExceptionVector::StackFault:
        case ExceptionVector::GeneralProtection:
            return describe_selector_error(error_code);
        default:
            return {};
    }
}

std::string describe_event(std::uint8_t vector, const ExceptionFrame& frame, std::uint64_t cr2,
                           std::string_view symbol) {
    std::string text = vector < kExceptions ? exception_name(vector) : "interrupt";
    if (!text.starts_with("vector"))
        text += fmt::format(" (vector {})", vector);
    if (frame.error_code) {
        const auto meaning = describe_error_code(vector, *frame.error_code);
        text += fmt::format(", error {:#x}", *frame.error_code);
        text += meaning.empty() ? "" : " (" + meaning + ")";
    }
    if (vector == number(ExceptionVector::PageFault))
        text += fmt::format(", CR2 {:#x}", cr2);
    if (frame.width == FrameWidth::Bits16)
        text += fmt::format(", at {:04x}:{:04x}", frame.cs, frame.rip);
    else
        text += fmt::format(", at {:#x}", frame.rip);
    if (!symbol.empty())
        text += fmt::format(" <{}>", symbol);
    return text;
}

std::optional<std::uint8_t> exception_vector(std::string_view name) {
    const auto bare = [](std::string_view text) { return text.starts_with('#') ? text.substr(1) : text; };
    const auto same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
    };
    for (std::uint8_t vector = 0; vector < kExceptions; ++vector) {
        const std::string known = exception_name(vector);
        if (!known.starts_with("vector") && std::ranges::equal(bare(known), bare(name), same))
            return vector;
    }
    return std::nullopt;
}

}  // namespace ringside::x86
