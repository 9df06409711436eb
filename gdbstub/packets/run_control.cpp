#include "gdbstub/packets/run_control.h"

#include <string>
#include <utility>
#include <vector>

#include "gdbstub/hex.h"

namespace ringside::gdbstub::packet {
namespace {

std::optional<Signal> take_signal(Cursor& args) {
    const auto digits = args.take_exactly(2);
    if (!digits)
        return std::nullopt;
    Cursor number(*digits);
    const auto value = number.take_hex();
    if (!value || !number.at_end())
        return std::nullopt;
    return static_cast<Signal>(*value);
}

std::optional<vCont::Action> take_action(Cursor& args) {
    if (args.take('c'))
        return Continue{};
    if (args.take('s'))
        return Step{};
    if (args.take('t'))
        return vCont::Stop{};
    if (args.take('C') || args.rest().starts_with('S')) {
        const bool step = args.take('S');
        const auto signal = take_signal(args);
        if (!signal)
            return std::nullopt;
        return step ? vCont::Action(Step{signal}) : vCont::Action(Continue{signal});
    }
    if (!args.take('r'))
        return std::nullopt;
    const auto start = args.take_hex();
    if (!start || !args.take(','))
        return std::nullopt;
    const auto end = args.take_hex();
    if (!end)
        return std::nullopt;
    return RangeStep{*start, *end};
}

struct ThreadAction {
    vCont::Action action;
    ThreadSelector threads;
};

// `;ACTION[:THREAD]`
std::optional<ThreadAction> take_thread_action(Cursor& args) {
    if (!args.take(';'))
        return std::nullopt;
    const auto action = take_action(args);
    if (!action)
        return std::nullopt;
    ThreadAction result{*action, {ThreadSelector::Kind::All, {}}};
    if (args.take(':')) {
        const auto threads = take_thread(args);
        if (!threads)
            return std::nullopt;
        result.threads = *threads;
    }
    return result;
}

struct Resume {
    std::optional<Address> address;
};

std::optional<Resume> parse_resume_address(Cursor args) {
    if (args.at_end())
        return Resume{};
    const auto address = args.take_hex();
    if (!address || !args.at_end())
        return std::nullopt;
    return Resume{*address};
}

struct ResumeWithSignal {
    Signal signal = Signal::None;
    std::optional<Address> address;
};

// `SIG[;ADDR]`
std::optional<ResumeWithSignal> parse_resume_with_signal(Cursor args) {
    const auto signal = take_signal(args);
    if (!signal)
        return std::nullopt;
    if (args.at_end())
        return ResumeWithSignal{*signal, std::nullopt};
    const bool separated = args.take(';');
    const auto resume = parse_resume_address(args);
    if (!separated || !resume || !resume->address)
        return std::nullopt;
    return ResumeWithSignal{*signal, resume->address};
}

// `;PID`, which must be our one process (or -1, every one).
bool names_our_process(Cursor args) {
    if (!args.take(';'))
        return false;
    if (args.take("-1"))
        return args.at_end();
    const auto process = args.take_hex();
    return process == kProcessId && args.at_end();
}

// `WORD;WORD...`, in hexadecimal; nullopt if a digit is wrong.
std::optional<std::vector<std::string>> take_words(Cursor args) {
    std::vector<std::string> words;
    do {
        std::vector<std::byte> bytes;
        if (!decode_hex(args.take_until(';'), bytes))
            return std::nullopt;
        words.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    } while (!args.at_end());
    return words;
}

}  // namespace

std::optional<vCont::Action> vCont::action_for(ThreadId thread) const {
    Cursor rest(actions);
    while (const auto next = take_thread_action(rest))
        if (next->threads.matches(thread))
            return next->action;
    return std::nullopt;
}

std::optional<vCont> parse_vCont(Cursor args) {
    const std::string_view actions = args.rest();
    if (actions.empty())
        return std::nullopt;
    while (!args.at_end())
        if (!take_thread_action(args))
            return std::nullopt;
    return vCont{actions};
}

std::optional<c> parse_c(Cursor args) {
    const auto resume = parse_resume_address(args);
    return resume ? std::optional(c{resume->address}) : std::nullopt;
}

std::optional<s> parse_s(Cursor args) {
    const auto resume = parse_resume_address(args);
    return resume ? std::optional(s{resume->address}) : std::nullopt;
}

std::optional<C> parse_C(Cursor args) {
    const auto resume = parse_resume_with_signal(args);
    return resume ? std::optional(C{resume->signal, resume->address}) : std::nullopt;
}

std::optional<S> parse_S(Cursor args) {
    const auto resume = parse_resume_with_signal(args);
    return resume ? std::optional(S{resume->signal, resume->address}) : std::nullopt;
}

std::optional<D> parse_D(Cursor args) {
    return args.at_end() || names_our_process(args) ? std::optional(D{}) : std::nullopt;
}

std::optional<vKill> parse_vKill(Cursor args) {
    return names_our_process(args) ? std::optional(vKill{}) : std::nullopt;
}

std::optional<vAttach> parse_vAttach(Cursor args) {
    return names_our_process(args) ? std::optional(vAttach{}) : std::nullopt;
}

std::optional<vRun> parse_vRun(Cursor args) {
    if (!args.take(';') || !take_words(args))
        return std::nullopt;
    return vRun{args.rest()};
}

Restart::Wanted vRun::wanted() const {
    auto words = take_words(Cursor(text)).value_or(std::vector<std::string>{{}});
    Restart::Wanted wanted{std::move(words.front()), {}};
    words.erase(words.begin());
    wanted.arguments = std::move(words);
    return wanted;
}

// `R XX`: the number means nothing.
std::optional<R> parse_R(Cursor args) {
    return args.at_end() || args.take_hex() ? std::optional(R{}) : std::nullopt;
}

std::optional<QNonStop> parse_QNonStop(Cursor args) {
    if (args.rest() != ":0" && args.rest() != ":1")
        return std::nullopt;
    return QNonStop{args.rest() == ":1"};
}

}  // namespace ringside::gdbstub::packet
