// A client that sends anything, to a session with a target that stops now and then. Lines of the input are packets,
// framed here so that the fuzzer need not learn checksums. A line that begins with '!' is sent raw, one that
// begins with '^' is a stop of the target, and one that begins with '%' is text that a breakpoint's commands
// print.
#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "gdbstub/checksum.h"
#include "gdbstub/framer.h"
#include "gdbstub/session.h"
#include "tests/unit/gdbstub/fake_non_stop.h"
#include "tests/unit/gdbstub/fake_tracepoints.h"

namespace {

using namespace ringside::gdbstub;

void receive(Session& session, std::string_view text) {
    auto bytes = std::as_bytes(std::span(text));
    while (!bytes.empty()) {
        bytes = bytes.subspan(session.receive(bytes));
        // What goes out must be what a client's framer takes.
        const std::string_view out = session.output().view();
        auto reply = std::as_bytes(std::span(out));
        Framer framer;
        while (const auto event = framer.next(reply))
            if (std::holds_alternative<frame::BadChecksum>(*event) ||
                std::holds_alternative<frame::Malformed>(*event) ||
                std::holds_alternative<frame::Interrupt>(*event))
                std::abort();
        session.output().clear();
    }
}

// One frame with registers, one with memory and a variable.
void make_frames(FakeTracepoints& traces) {
    traces.frames.resize(2);
    traces.frames[0].registers.emplace(FakeTarget::kRegisters * 8, std::byte{'#'});
    traces.frames[1].pc = 0x1234;
    traces.frames[1].memory[0x1000] = "$#}*";
    traces.frames[1].variables[1] = 7;
    traces.buffer = "frames";
}

StopEvent stop_of(char kind) {
    switch (kind) {
        case 'b':
            return {ThreadId{2}, StoppedBySoftwareBreakpoint{}, {}};
        case 'h':
            return {ThreadId{1}, StoppedByHardwareBreakpoint{}, {}};
        case 'w':
            return {ThreadId{1}, StoppedByWatchpoint{WatchKind::Access, 0x1000}, "hit\n"};
        case 'x':
            return {ThreadId{1}, Exited{1}, "gone\n"};
        case 'i':
            return {ThreadId{2}, StoppedByInterrupt{}, {}};
        default:
            return {ThreadId{1}, StoppedBySignal{Signal::Trap, true}, {}};
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    FakeTarget fake(3);
    fake.is_running = size % 2 != 0;
    Target target = fake.bundle();
    FakeTracepoints traces;
    make_frames(traces);
    target.tracepoints = &traces;
    FakeNonStop non_stop(fake);
    target.non_stop = &non_stop;
    Session session(target, {.run_length_encoding = size % 3 == 0, .line_outlives_client = size % 5 == 0});
    while (!input.empty() && !session.wants_close()) {
        const std::string_view line = input.substr(0, input.find('\n'));
        input.remove_prefix(line.size() == input.size() ? line.size() : line.size() + 1);
        if (line.starts_with('!')) {
            receive(session, line.substr(1));
        } else if (line.starts_with('^')) {
            fake.is_running = false;
            fake.stop = stop_of(line.size() > 1 ? line[1] : ' ');
            if (line.size() > 2)
                fake.other_stops = {stop_of(line[2])};
            session.on_stop(fake.stop);
        } else if (line.starts_with('%')) {
            session.on_console(line.substr(1));
        } else {
            receive(session, fmt::format("${}#{:02x}", line, checksum(line)));
        }
    }
    return 0;
}
