// Serves the fake target, for trying a real client by hand or from a script:
//     fake_target_server tcp:0
// prints the endpoint and answers until it is killed by the client. A resumed thread stops at once, four
// bytes on.
#include <cstdio>

#include <asio/io_context.hpp>

#include "gdbstub/transport/server.h"
#include "tests/unit/gdbstub/fake_target.h"

int main(int argc, char** argv) {
    using namespace ringside::gdbstub;
    const auto endpoint = parse_endpoint(argc > 1 ? argv[1] : "tcp:0");
    if (!endpoint) {
        std::fprintf(stderr, "%s\n", endpoint.error().message.c_str());
        return 2;
    }
    asio::io_context io;
    FakeTarget fake(4);
    // Without a description gdb takes its own: rax to r15, rip, then eflags and cs, here unknown.
    fake.texts.clear();
    Target target = fake.bundle();
    ServerHooks hooks;
    hooks.on_event = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
    hooks.on_disconnect = [&] {
        if (!fake.log.empty() && fake.log.back() == "kill")
            io.stop();
    };
    const auto server = Server::open(io, *endpoint, target, hooks);
    if (!server) {
        std::fprintf(stderr, "%s\n", server.error().message.c_str());
        return 1;
    }
    fake.on_resume = [&] {
        fake.is_running = false;
        fake.registers_of[1][FakeTarget::kPc] += 4;
        fake.stop = {ThreadId{1}, StoppedBySignal{Signal::Trap, true}, {}};
        (*server)->post_stop(fake.stop);
    };
    std::printf("%s\n", (*server)->description().c_str());
    std::fflush(stdout);
    io.run();
    return 0;
}
