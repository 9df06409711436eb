// x87, SSE and AVX registers. None of the guests uses them: they must come through its instructions unchanged.

#include "tests/conformance/mismatch.h"
#include "tests/conformance/survival.h"

namespace ringside::conformance {

namespace {

Bytes pattern(unsigned seed, std::size_t size) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<std::uint8_t>(seed * 16 + i);
    return bytes;
}

// An 80-bit number: 1.5 with another exponent for each register.
Bytes real_number(unsigned exponent) {
    Bytes bytes = to_bytes(0xc000000000000000, 10);
    bytes[8] = static_cast<std::uint8_t>(0xff - exponent);
    bytes[9] = 0x3f;
    return bytes;
}

std::string x87() {
    std::vector<Written> registers{{"fctrl", to_bytes(0x027f, 4)}, {"fstat", to_bytes(0x4100, 4)}};
    for (unsigned i = 0; i < 8; ++i)
        registers.push_back({fmt::format("st{}", i), real_number(i)});
    require_survival(Mode::Long, registers);
    return {};
}

std::string sse() {
    std::vector<Written> registers{{"mxcsr", to_bytes(0x1fa0, 4)}};
    for (unsigned i = 0; i < 16; ++i)
        registers.push_back({fmt::format("xmm{}", i), pattern(i, 16)});
    require_survival(Mode::Long, registers);
    return {};
}

// The target description says whether the CPU has AVX.
std::string avx() {
    {
        Scenario scenario(Mode::Long, "plain");
        if (!scenario.guest().has_register("ymm0h")) {
            scenario.finish();
            return "this CPU has no AVX";
        }
    }
    std::vector<Written> registers;
    for (unsigned i = 0; i < 16; ++i)
        registers.push_back({fmt::format("ymm{}h", i), pattern(i, 16)});
    require_survival(Mode::Long, registers);
    return {};
}

}  // namespace

void add_vector_registers(Behaviours& all) {
    all.push_back({"registers", "x87", Mode::Long, x87});
    all.push_back({"registers", "sse", Mode::Long, sse});
    all.push_back({"registers", "avx", Mode::Long, avx});
}

}  // namespace ringside::conformance
