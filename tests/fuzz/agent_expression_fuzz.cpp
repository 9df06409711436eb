// Any bytecode ends, with a value or a failure, within its bounds.
#include <cstring>

#include "gdbstub/agent_expression.h"

namespace {

using namespace ringside::gdbstub;

class Context final : public AgentContext {
  public:
    std::optional<std::uint64_t> read_register(std::uint16_t regno) override { return regno; }
    bool read_memory(std::uint64_t address, std::span<std::byte> out) override {
        std::memset(out.data(), static_cast<int>(address & 0xff), out.size());
        return (address & 0x1000) == 0;
    }
    std::optional<std::uint64_t> get_variable(std::uint16_t n) override { return n; }
    bool set_variable(std::uint16_t, std::uint64_t) override { return true; }
    bool trace_memory(std::uint64_t, std::uint64_t) override { return true; }
    bool trace_variable(std::uint16_t) override { return true; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto code = std::as_bytes(std::span(data, size));
    Context context;
    (void)verify_agent_expression(code);
    (void)evaluate_agent_expression(code, context);
    (void)run_agent_command(code, context);
    return 0;
}
