#include "tests/bench/workloads.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/guest_layout.h"
#include "tests/support/patience.h"

namespace ringside::bench {
namespace {

using Clock = std::chrono::steady_clock;
using testing::RspClient;

// As gdb numbers them for x86-64.
constexpr int kRcx = 2;
constexpr int kRip = 16;
constexpr int kLoopInstructions = 4;
// Until a breakpoint counts as one that is never hit: from a VMM's start, and in the loop.
constexpr std::chrono::seconds kStartLimit{30};
constexpr std::chrono::seconds kHitLimit{5};

// How often `operation` can be done in a second, reading the clock once for each `batch`.
template <typename Operation>
double rate(Seconds duration, unsigned batch, Operation operation) {
    const auto start = Clock::now();
    Seconds elapsed{0};
    double count = 0;
    while (elapsed < duration) {
        for (unsigned i = 0; i < batch; ++i)
            operation();
        count += batch;
        elapsed = Clock::now() - start;
    }
    return count / elapsed.count();
}

std::string little_endian(std::uint64_t value) {
    std::string hex;
    for (unsigned byte = 0; byte < 8; ++byte)
        hex += fmt::format("{:02x}", value >> 8 * byte & 0xff);
    return hex;
}

void set_register(RspClient& client, int number, std::uint64_t value) {
    client.command(fmt::format("P{:x}={}", number, little_endian(value)));
}

// A monitor command. Its answer's text is not checked.
void monitor(RspClient& client, std::string_view command) {
    std::string packet = "qRcmd,";
    for (const char c : command)
        packet += fmt::format("{:02x}", static_cast<unsigned char>(c));
    client.send(packet);
    if (const auto reply = client.receive_stop(); reply != "OK")
        throw std::runtime_error(fmt::format("monitor {}: {}", command, reply));
}

std::uint64_t read_rip(RspClient& client) {
    const std::string hex(client.ask(fmt::format("p{:x}", kRip)));
    if (hex.size() != 16)
        throw std::runtime_error("cannot read RIP: " + hex);
    return __builtin_bswap64(std::stoull(hex, nullptr, 16));
}

std::uint32_t read_value(RspClient& client) {
    const std::string hex(client.ask(fmt::format("m{:x},4", BENCH_VALUE)));
    if (hex.size() != 8)
        throw std::runtime_error("cannot read the guest's counter: " + hex);
    return __builtin_bswap32(static_cast<std::uint32_t>(std::stoul(hex, nullptr, 16)));
}

// Reads the buffer from end to end, `size` bytes a packet, for as long as asked. MiB per second.
template <typename Check>
double reads(RspClient& client, char packet, std::size_t size, Seconds duration, Check check) {
    std::size_t offset = 0;
    const double packets = rate(duration, 8, [&] {
        const auto reply = client.ask(fmt::format("{}{:x},{:x}", packet, BENCH_BUFFER + offset, size));
        if (!check(reply))
            throw std::runtime_error(fmt::format("a read of {} bytes got {} characters", size, reply.size()));
        offset = offset + 2 * size <= BENCH_BUFFER_SIZE ? offset + size : 0;
    });
    return packets * static_cast<double>(size) / (1024 * 1024);
}

// Lets the guest run to a breakpoint at the function that it calls for ever. Returns false if it is not hit in
// time; then Ctrl-C has stopped the guest.
bool run_to_work(RspClient& client, char type, std::chrono::seconds limit) {
    const std::string breakpoint = fmt::format("{},{:x},1", type, BENCH_WORK);
    client.command("Z" + breakpoint);
    client.send("vCont;c");
    const bool hit = !client.is_silent_for(testing::patience(limit));
    if (!hit)
        client.interrupt();
    client.receive_stop();
    client.command("z" + breakpoint);
    return hit;
}

}  // namespace

void stop_in_loop(RspClient& client) {
    if (run_to_work(client, '1', kStartLimit))
        return;
    for (int instructions = 0; read_rip(client) != BENCH_WORK; ++instructions) {
        if (instructions > kLoopInstructions)
            throw std::runtime_error(
                fmt::format("the guest is not in its loop but at 0x{:x}", read_rip(client)));
        client.resume("vCont;s:1");
    }
}

bool breakpoint_works(RspClient& client, char type) {
    set_register(client, kRip, BENCH_WORK);
    client.resume("vCont;s:1");
    return run_to_work(client, type, kHitLimit);
}

double steps(RspClient& client, Seconds duration) {
    return rate(duration, 16, [&] { client.resume("vCont;s:1"); });
}

std::optional<double> range_steps(RspClient& client, Seconds duration) {
    if (client.ask("vCont?").find(";r") == std::string_view::npos)
        return std::nullopt;
    const std::string range = fmt::format("vCont;r{:x},{:x}:1", BENCH_COUNTDOWN, BENCH_COUNTDOWN_END);
    const auto one_run = [&](std::uint64_t rounds) {
        set_register(client, kRcx, rounds);
        set_register(client, kRip, BENCH_COUNTDOWN);
        const auto start = Clock::now();
        client.resume(range);
        return static_cast<double>(2 * rounds) / Seconds(Clock::now() - start).count();
    };
    const double guess = one_run(500);
    return one_run(static_cast<std::uint64_t>(std::max(guess * duration.count() / 2, 500.0)));
}

std::optional<double> recorded_steps(RspClient& client, Seconds duration) {
    if (!client.offers("ReverseStep+"))
        return std::nullopt;
    monitor(client, "record on 256M");
    const auto rate = range_steps(client, duration);
    monitor(client, "record off");
    return rate;
}

double restore(RspClient& client, Seconds duration) {
    monitor(client, "snapshot save bench");
    std::vector<double> times;
    for (const auto start = Clock::now(); Clock::now() - start < duration;) {
        client.send("vCont;c");
        client.interrupt();
        client.receive_stop();
        const auto before = Clock::now();
        monitor(client, "snapshot restore bench");
        times.push_back(Seconds(Clock::now() - before).count());
    }
    std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
    return times[times.size() / 2];
}

double hex_reads(RspClient& client, Seconds duration) {
    const std::size_t size = std::min<std::size_t>((client.packet_size() - 4) / 2, 1 << 20);
    return reads(client, 'm', size, duration,
                 [=](std::string_view reply) { return reply.size() == 2 * size; });
}

std::optional<double> binary_reads(RspClient& client, Seconds duration) {
    if (!client.offers("binary-upload+"))
        return std::nullopt;
    const std::size_t size = std::min<std::size_t>(client.packet_size() - 5, 1 << 20);
    return reads(client, 'x', size, duration,
                 [=](std::string_view reply) { return reply.size() == size + 1 && reply[0] == 'b'; });
}

double small_reads(RspClient& client, Seconds duration) {
    const std::string packet = fmt::format("m{:x},8", BENCH_BUFFER);
    return rate(duration, 16, [&] { client.ask(packet); });
}

double conditions_in_client(RspClient& client, char type, Seconds duration) {
    const std::string breakpoint = fmt::format("{},{:x},1", type, BENCH_WORK);
    set_register(client, kRip, BENCH_WORK);
    const double hits = rate(duration, 1, [&] {
        client.resume("vCont;s:1");  // off the breakpoint
        client.command("Z" + breakpoint);
        client.resume("vCont;c");
        client.command("z" + breakpoint);
        client.ask("g");
        read_value(client);  // the condition
    });
    return hits;
}

std::optional<double> conditions_in_stub(RspClient& client, Seconds duration) {
    if (!client.offers("ConditionalBreakpoints+"))
        return std::nullopt;
    set_register(client, kRip, BENCH_WORK);
    client.resume("vCont;s:1");
    const auto one_run = [&](std::uint32_t hits) {
        // Stop when the counter has come that far: const32 address, ref32, const32 goal, equal, end.
        const std::uint32_t goal = read_value(client) + hits;
        const std::string code = fmt::format("24{:08x}1924{:08x}1327", BENCH_VALUE, goal);
        const std::string breakpoint = fmt::format("0,{:x},1", BENCH_WORK);
        client.command(fmt::format("Z{};X{:x},{}", breakpoint, code.size() / 2, code));
        const auto start = Clock::now();
        client.resume("vCont;c");
        const double taken = Seconds(Clock::now() - start).count();
        client.command("z" + breakpoint);
        client.resume("vCont;s:1");
        return hits / taken;
    };
    const double guess = one_run(50);
    return one_run(static_cast<std::uint32_t>(std::max(guess * duration.count(), 50.0)));
}

}  // namespace ringside::bench
