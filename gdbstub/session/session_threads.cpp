// H, T, qC, qfThreadInfo, qsThreadInfo, qThreadExtraInfo, and the document behind qXfer:threads.
#include <algorithm>

#include <fmt/format.h>

#include "gdbstub/session/session_core.h"
#include "gdbstub/xml.h"

namespace ringside::gdbstub {
namespace {

TargetError no_thread(ThreadId thread) {
    return {TargetError::Code::Invalid, fmt::format("there is no thread {}", thread.value)};
}

}  // namespace

bool SessionCore::has_thread(ThreadId thread) const {
    return std::any_of(threads_.begin(), threads_.end(),
                       [thread](const KnownThread& known) { return known.id == thread; });
}

std::uint32_t SessionCore::core_of(ThreadId thread) const {
    const auto known = std::find_if(threads_.begin(), threads_.end(),
                                    [thread](const KnownThread& t) { return t.id == thread; });
    return known != threads_.end() ? known->core : thread.value - 1;
}

Result<ThreadId> SessionCore::resolve(const ThreadSelector& selector) const {
    if (selector.kind == ThreadSelector::Kind::One) {
        if (!has_thread(selector.thread))
            return tl::unexpected(no_thread(selector.thread));
        return selector.thread;
    }
    if (general_ && has_thread(*general_))
        return *general_;
    if (threads_.empty())
        return tl::unexpected(TargetError{TargetError::Code::Invalid, "the machine has ended"});
    return threads_.front().id;
}

Result<ThreadId> SessionCore::resolve(const ThreadSuffix& suffix) const {
    return resolve(suffix.thread.value_or(ThreadSelector{}));
}

void SessionCore::handle(const packet::H& packet, Stopped) {
    const auto thread = resolve(packet.thread);
    if (!thread) {
        error(thread.error());
        return;
    }
    if (packet.use == packet::H::Use::General)
        general_ = *thread;
    else if (packet.thread.kind == ThreadSelector::Kind::One)
        continue_ = packet.thread.thread;
    else
        continue_.reset();
    ok();
}

void SessionCore::handle(const packet::T& packet, Stopped) {
    if (packet.thread.kind != ThreadSelector::Kind::One || has_thread(packet.thread.thread))
        ok();
    else
        error(no_thread(packet.thread.thread));
}

void SessionCore::handle(const packet::qC&, Stopped) {
    const auto thread = resolve(ThreadSelector{});
    if (!thread) {
        error(thread.error());
        return;
    }
    auto frame = reply_.frame();
    frame.text("QC");
    write_thread(frame, *thread, client_.multiprocess);
}

void SessionCore::handle(const packet::qfThreadInfo&, Stopped) {
    auto frame = reply_.frame();
    frame.text(threads_.empty() ? "l" : "m");
    std::string_view separator;
    for (const KnownThread& known : threads_) {
        frame.text(separator);
        write_thread(frame, known.id, client_.multiprocess);
        separator = ",";
    }
}

// The first reply held them all.
void SessionCore::handle(const packet::qsThreadInfo&) {
    reply_.frame().text("l");
}

void SessionCore::handle(const packet::qThreadExtraInfo& packet, Stopped stopped) {
    const auto thread = resolve(packet.thread);
    if (!thread) {
        error(thread.error());
        return;
    }
    const auto info = stopped.threads().thread_info(*thread);
    if (!info) {
        error(info.error());
        return;
    }
    const std::string_view separator = info->name.empty() || info->extra.empty() ? "" : ": ";
    reply_.frame().hex(info->name).hex(separator).hex(info->extra);
}

std::string SessionCore::threads_document(Stopped stopped) const {
    std::string xml = "<?xml version=\"1.0\"?>\n<threads>\n";
    for (const KnownThread& known : threads_) {
        const auto info = stopped.threads().thread_info(known.id);
        const std::string id = client_.multiprocess ? fmt::format("p{:x}.{:x}", kProcessId, known.id.value)
                                                    : fmt::format("{:x}", known.id.value);
        xml += fmt::format("<thread id=\"{}\" core=\"{}\"", id, known.core);
        if (info && !info->name.empty())
            xml += fmt::format(" name=\"{}\"", xml_escape(info->name));
        xml += fmt::format(">{}</thread>\n", xml_escape(info ? info->extra : info.error().message));
    }
    return xml + "</threads>\n";
}

}  // namespace ringside::gdbstub
