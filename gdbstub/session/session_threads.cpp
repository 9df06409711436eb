// H, T, qC, qfThreadInfo, qsThreadInfo, qThreadExtraInfo, and the document of qXfer:threads.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "gdbstub/session/session_core.h"
#include "gdbstub/xml.h"

namespace ringside::gdbstub {
namespace {

tl::unexpected<TargetError> no_thread(ThreadId thread) {
    return failure(TargetError::Code::Invalid, fmt::format("there is no thread {}", thread.value));
}

}  // namespace

bool SessionCore::has_thread(ThreadId thread) const {
    return find_thread(thread) != nullptr;
}

const SessionCore::KnownThread* SessionCore::find_thread(ThreadId thread) const {
    const auto known = std::ranges::find(threads_, thread, &KnownThread::id);
    return known != threads_.end() ? &*known : nullptr;
}

SessionCore::KnownThread* SessionCore::find_thread(ThreadId thread) {
    return const_cast<KnownThread*>(std::as_const(*this).find_thread(thread));
}

std::uint32_t SessionCore::core_of(ThreadId thread) const {
    const KnownThread* known = find_thread(thread);
    return known != nullptr ? known->core : thread.value - 1;
}

Result<ThreadId> SessionCore::resolve(const ThreadSelector& selector) const {
    if (selector.kind == ThreadSelector::Kind::One) {
        if (!has_thread(selector.thread))
            return no_thread(selector.thread);
        return selector.thread;
    }
    if (general_ && has_thread(*general_))
        return *general_;
    if (threads_.empty())
        return failure(TargetError::Code::Invalid, "the machine has ended");
    return threads_.front().id;
}

Result<ThreadId> SessionCore::resolve(const ThreadSuffix& suffix) const {
    return resolve(suffix.thread.value_or(ThreadSelector{}));
}

SessionCore::Handled SessionCore::handle(const packet::H& packet, Stopped) {
    const ThreadId thread = STUB_TRY(resolve(packet.thread));
    if (packet.use == packet::H::Use::General)
        general_ = thread;
    else if (packet.thread.kind == ThreadSelector::Kind::One)
        continue_ = packet.thread.thread;
    else
        continue_.reset();
    return ok();
}

SessionCore::Handled SessionCore::handle(const packet::T& packet, Stopped) {
    if (packet.thread.kind == ThreadSelector::Kind::One && !has_thread(packet.thread.thread))
        return no_thread(packet.thread.thread);
    return ok();
}

SessionCore::Handled SessionCore::handle(const packet::qC&, Stopped) {
    const ThreadId thread = STUB_TRY(resolve(ThreadSelector{}));
    auto frame = reply_.frame();
    frame.text("QC");
    write_thread(frame, thread, client_.multiprocess);
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::qfThreadInfo&, Stopped) {
    auto frame = reply_.frame();
    frame.text(threads_.empty() ? "l" : "m");
    std::string_view separator;
    for (const KnownThread& known : threads_) {
        frame.text(separator);
        write_thread(frame, known.id, client_.multiprocess);
        separator = ",";
    }
    return {};
}

// The first reply contained them all.
SessionCore::Handled SessionCore::handle(const packet::qsThreadInfo&) {
    reply_.frame().text("l");
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::qThreadExtraInfo& packet, Stopped stopped) {
    const ThreadId thread = STUB_TRY(resolve(packet.thread));
    const ThreadInfo info = STUB_TRY(stopped.threads().thread_info(thread));
    const std::string_view separator = info.name.empty() || info.extra.empty() ? "" : ": ";
    reply_.frame().hex(info.name).hex(separator).hex(info.extra);
    return {};
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
