// Exception vectors by name (SDM volume 3, table 6-1) and the page-fault error code.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringside::x86 {

enum class ExceptionVector : std::uint8_t {
    DivideError = 0,
    Debug = 1,
    Nmi = 2,
    Breakpoint = 3,
    Overflow = 4,
    BoundRange = 5,
    InvalidOpcode = 6,
    DeviceNotAvailable = 7,
    DoubleFault = 8,
    InvalidTss = 10,
    SegmentNotPresent = 11,
    StackFault = 12,
    GeneralProtection = 13,
    PageFault = 14,
    FloatingPoint = 16,
    AlignmentCheck = 17,
    MachineCheck = 18,
    SimdFloatingPoint = 19,
    Virtualization = 20,
    ControlProtection = 21,
};

constexpr std::uint8_t number(ExceptionVector vector) {
    return static_cast<std::uint8_t>(vector);
}

// Returns true for the exceptions that push an error code (SDM volume 3, table 6-1; APM volume 2, 8.2).
bool has_error_code(std::uint8_t vector);

// The error code of a fault at a vector's gate (SDM volume 3, 6.13): the vector, and IDT.
constexpr std::uint64_t idt_error_code(ExceptionVector vector) {
    return std::uint64_t{number(vector)} << 3 | 2;
}

// "#PF", "#GP", "NMI", ...; "vector 33" for a vector that is not an exception.
std::string exception_name(std::uint8_t vector);

// "write, user, protection violation" (SDM volume 3, 4.7)
std::string describe_page_fault_error(std::uint64_t error_code);

}  // namespace ringside::x86
