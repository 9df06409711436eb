#include "tests/conformance/debuggee.h"

#include <regex>

#include "tests/conformance/mismatch.h"
#include "tests/support/patience.h"

namespace ringside::conformance {

namespace {

using namespace std::chrono_literals;

std::string to_hex(std::span<const std::uint8_t> bytes) {
    std::string text;
    for (const std::uint8_t byte : bytes)
        text += fmt::format("{:02x}", byte);
    return text;
}

// `what` is for the complaint: the stub's answer is an error or no hex at all.
Bytes from_hex(std::string_view text, std::string_view what) {
    require(
        text.size() % 2 == 0 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos,
        "{} was answered by '{}'", what, text);
    Bytes bytes;
    for (std::size_t i = 0; i < text.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
    return bytes;
}

std::string read_document(testing::RspClient& client, std::string_view object) {
    constexpr std::size_t kPiece = 0x800;
    std::string document;
    for (;;) {
        const std::string reply(
            client.ask(fmt::format("qXfer:{}:{:x},{:x}", object, document.size(), kPiece)));
        require(!reply.empty() && (reply[0] == 'm' || reply[0] == 'l'), "qXfer:{} was answered by '{}'",
                object, reply);
        document += reply.substr(1);
        if (reply[0] == 'l')
            return document;
    }
}

}  // namespace

std::uint64_t to_number(std::span<const std::uint8_t> bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = std::min<std::size_t>(bytes.size(), sizeof value); i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

Bytes to_bytes(std::uint64_t value, std::size_t size) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size && i < sizeof value; ++i)
        bytes[i] = static_cast<std::uint8_t>(value >> 8 * i);
    return bytes;
}

Debuggee::Debuggee(const MonitorProcess::Start& start, const std::filesystem::path& symbols)
    : symbols_(symbols), monitor_(start) {
    attach();
    learn_registers();
}

void Debuggee::learn_registers() {
    const std::string description = read_document(*client_, "features:read:target.xml");
    static const std::regex element("<reg [^>]*>");
    static const std::regex attribute(" (name|bitsize|regnum)=\"([^\"]*)\"");
    const std::sregex_iterator end;
    unsigned number = 0;
    for (std::sregex_iterator reg(description.begin(), description.end(), element); reg != end; ++reg) {
        const std::string text = reg->str();
        std::map<std::string, std::string> values;
        for (std::sregex_iterator pair(text.begin(), text.end(), attribute); pair != end; ++pair)
            values[(*pair)[1]] = (*pair)[2];
        if (values.contains("regnum"))
            number = static_cast<unsigned>(std::stoul(values["regnum"]));
        registers_[values["name"]] = {number++, std::stoul(values["bitsize"]) / 8};
    }
    require(registers_.contains("rip"), "the target description has no rip");
}

const Debuggee::Register& Debuggee::find(const std::string& name) const {
    const auto it = registers_.find(name);
    require(it != registers_.end(), "the target description has no {}", name);
    return it->second;
}

// ---- Connections

void Debuggee::attach() {
    client_ = std::make_unique<testing::RspClient>(monitor_.socket());
}

void Debuggee::attach_again() {
    for (const auto end = std::chrono::steady_clock::now() + testing::patience(60s);;) {
        try {
            return attach();
        } catch (const std::runtime_error&) {
            if (std::chrono::steady_clock::now() > end)
                throw;
        }
    }
}

void Debuggee::detach() {
    command("D");
    client_.reset();
}

void Debuggee::vanish() {
    client_.reset();
}

// ---- Running

Stop Debuggee::resume(std::string_view action) {
    client_->send(action);
    return wait_stop();
}

Stop Debuggee::step(unsigned thread) {
    Stop stop = resume(fmt::format("vCont;s:{:x}", thread));
    require(!stop.exited && stop.code == kSignalTrap && stop.reason.empty(), "a step ended in {}",
            stop.describe());
    return stop;
}

void Debuggee::start_running() {
    client_->send("vCont;c");
}

Stop Debuggee::wait_stop() {
    return Stop::parse(client_->receive_stop());
}

Stop Debuggee::stop_by_interrupt() {
    client_->interrupt();
    return wait_stop();
}

// On a busy machine a guest may be stopped again before it has run at all, so each turn gives it more time.
void Debuggee::run_until_it_counts(std::uint64_t counter, std::size_t size) {
    const std::uint64_t before = read_number(counter, size);
    const auto end = std::chrono::steady_clock::now() + testing::patience(60s);
    for (auto moment = 1ms; read_number(counter, size) == before; moment *= 2) {
        require(std::chrono::steady_clock::now() < end, "the guest does not run between resume and Ctrl-C");
        start_running();
        if (!client_->is_silent_for(moment))
            throw Mismatch("the guest does not keep running: " + wait_stop().describe());
        const Stop stop = stop_by_interrupt();
        require(!stop.exited && stop.code == kSignalInterrupt, "Ctrl-C was answered by {}", stop.describe());
    }
}

// ---- Breakpoints

std::string Debuggee::insert(BreakKind kind, std::uint64_t address, unsigned size) {
    command(fmt::format("Z{},{:x},{:x}", static_cast<int>(kind), address, size));
    const std::string list = monitor("breakpoints");
    const std::string start = fmt::format("0x{:x}  ", address);
    const auto line = list.find(start);
    const auto by = list.find("  by ", line);
    const auto hit = list.find("  hit ", by);
    require(line != std::string::npos && hit != std::string::npos,
            "`monitor breakpoints` does not list {}: {}", symbols_.describe(address), list);
    return list.substr(by + 5, hit - by - 5);
}

void Debuggee::remove(BreakKind kind, std::uint64_t address, unsigned size) {
    command(fmt::format("z{},{:x},{:x}", static_cast<int>(kind), address, size));
}

std::string Debuggee::run_to(const std::string& name) {
    const std::uint64_t address = symbol(name);
    std::string mechanism = insert(BreakKind::Software, address);
    const Stop stop = resume();
    require(stop.reason == "swbreak", "on the way to {}: {}", name, stop.describe());
    select(stop.thread);
    require_at(name);
    remove(BreakKind::Software, address);
    return mechanism;
}

// ---- Registers

void Debuggee::select(unsigned thread) {
    command(fmt::format("Hg{:x}", thread));
}

Bytes Debuggee::register_bytes(const std::string& name) {
    const Register& reg = find(name);
    Bytes bytes = from_hex(client_->ask(fmt::format("p{:x}", reg.number)), name);
    require(bytes.size() == reg.size, "{} has {} bytes, not {}", name, bytes.size(), reg.size);
    return bytes;
}

std::uint64_t Debuggee::reg(const std::string& name) {
    return to_number(register_bytes(name));
}

void Debuggee::set_register_bytes(const std::string& name, std::span<const std::uint8_t> value) {
    command(fmt::format("P{:x}={}", find(name).number, to_hex(value)));
}

void Debuggee::set_reg(const std::string& name, std::uint64_t value) {
    set_register_bytes(name, to_bytes(value, find(name).size));
}

void Debuggee::require_at(const std::string& name) {
    const std::uint64_t address = rip();
    require(address == symbol(name), "the guest is at {} and not at {}", symbols_.describe(address), name);
}

// ---- Memory

Bytes Debuggee::read(std::uint64_t address, std::size_t size) {
    const auto what = fmt::format("reading {} bytes at 0x{:x}", size, address);
    Bytes bytes = from_hex(client_->ask(fmt::format("m{:x},{:x}", address, size)), what);
    require(bytes.size() == size, "{} gave {} bytes", what, bytes.size());
    return bytes;
}

void Debuggee::write(std::uint64_t address, std::span<const std::uint8_t> bytes) {
    command(fmt::format("M{:x},{:x}:{}", address, bytes.size(), to_hex(bytes)));
}

std::uint64_t Debuggee::read_number(std::uint64_t address, std::size_t size) {
    return to_number(read(address, size));
}

void Debuggee::write_number(std::uint64_t address, std::uint64_t value, std::size_t size) {
    write(address, to_bytes(value, size));
}

// ---- Questions

std::vector<unsigned> Debuggee::threads() {
    std::vector<unsigned> all;
    for (std::string reply = ask("qfThreadInfo"); reply != "l"; reply = ask("qsThreadInfo")) {
        require(reply.starts_with('m'), "qfThreadInfo was answered by '{}'", reply);
        for (std::size_t at = 0; at != std::string::npos; at = reply.find(',', at)) {
            ++at;
            all.push_back(static_cast<unsigned>(std::stoul(reply.substr(at), nullptr, 16)));
        }
    }
    return all;
}

std::string Debuggee::thread_state(unsigned thread) {
    const Bytes text =
        from_hex(client_->ask(fmt::format("qThreadExtraInfo,{:x}", thread)), "qThreadExtraInfo");
    return {text.begin(), text.end()};
}

std::string Debuggee::monitor(std::string_view command) {
    const Bytes line(command.begin(), command.end());
    std::string text;
    client_->send("qRcmd," + to_hex(line));
    for (std::string reply(client_->receive()); reply != "OK"; reply = client_->receive()) {
        const bool more = reply.starts_with('O');
        const Bytes part = from_hex(std::string_view(reply).substr(more ? 1 : 0), "qRcmd");
        text.append(part.begin(), part.end());
        if (!more)
            break;
    }
    return text;
}

void Debuggee::command(std::string_view packet) {
    const std::string reply = ask(packet);
    require(reply == "OK", "'{}' was answered by '{}'", packet, reply);
}

}  // namespace ringside::conformance
