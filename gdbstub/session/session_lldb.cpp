// LLDB's extensions. Numbers are hexadecimal where LLDB expects that, which differs from packet to packet.
#include <algorithm>

#include "gdbstub/hex.h"
#include "gdbstub/session/lldb_json.h"
#include "gdbstub/session/session_core.h"

namespace ringside::gdbstub {

SessionCore::Handled SessionCore::handle(const packet::QListThreadsInStopReply&) {
    client_.list_threads_in_stop_reply = true;
    return ok();
}

SessionCore::Handled SessionCore::handle(const packet::QEnableErrorStrings&) {
    client_.error_strings = true;
    return ok();
}

// No ostype: "linux" would make LLDB look for a dynamic loader in a kernel.
SessionCore::Handled SessionCore::handle(const packet::qHostInfo&) {
    reply_.frame()
        .text("triple:")
        .hex(target_.triple())
        .text(";endian:little;ptrsize:")
        .decimal(target_.address_bytes())
        .text(";watchpoint_exceptions_received:after;");
    return {};
}

// Where the kernel's file has Linux's ABI tag, LLDB looks for this process on its own host, and replaces the file by that
// process's program. No process of Linux can have this number: it is the kernel's PID_MAX_LIMIT.
SessionCore::Handled SessionCore::handle(const packet::qProcessInfo&) {
    constexpr std::uint32_t kNoProcessOfLinux = 0x400000;
    reply_.frame()
        .text("pid:")
        .hex_number(kNoProcessOfLinux)
        .text(";triple:")
        .hex(target_.triple())
        .text(";endian:little;ptrsize:")
        .hex_number(target_.address_bytes())
        .text(";");
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::qRegisterInfo& packet) {
    const auto info = target_.register_layout().info(packet.regno);
    if (!info) {
        reply_.frame().text("E45");  // past the last
        return {};
    }
    auto frame = reply_.frame();
    frame.text("name:").words(info->name).text(";");
    if (!info->alt_name.empty())
        frame.text("alt-name:").words(info->alt_name).text(";");
    frame.text("bitsize:").decimal(info->bits).text(";offset:").decimal(info->offset).text(";");
    frame.text("encoding:").words(info->encoding).text(";format:").words(info->format).text(";");
    if (!info->set.empty())
        frame.text("set:").words(info->set).text(";");
    if (info->dwarf >= 0)
        frame.text("dwarf:").decimal(static_cast<std::uint32_t>(info->dwarf)).text(";");
    if (!info->generic.empty())
        frame.text("generic:").words(info->generic).text(";");
    return {};
}

// LLDB walks the address space region by region. A region without permissions is a hole.
SessionCore::Handled SessionCore::handle(const packet::qMemoryRegionInfo& packet, Stopped stopped) {
    if (!packet.address)
        return ok();
    const ThreadId thread = STUB_TRY(resolve(ThreadSelector{}));
    const MemoryRegion region = STUB_TRY(stopped.memory().region(thread, *packet.address));
    auto frame = reply_.frame();
    frame.text("start:").hex_number(region.start).text(";size:").hex_number(region.size).text(";");
    if (!region.mapped)
        return {};
    frame.text("permissions:");
    frame.text(region.read ? "r" : "").text(region.write ? "w" : "").text(region.execute ? "x" : "");
    frame.text(";");
    return {};
}

SessionCore::Handled SessionCore::handle(const packet::qWatchpointSupportInfo&) {
    const Breakpoints* breakpoints = target_.breakpoints();
    reply_.frame()
        .text("num:")
        .decimal(breakpoints != nullptr ? breakpoints->hardware_watchpoint_slots() : 0)
        .text(";");
    return {};
}

// Beside the default one, in which addresses are those of the code that runs.
SessionCore::Handled SessionCore::handle(const packet::jAddressSpacesInfo&) {
    const nlohmann::json physical = {
        {"name", "physical"}, {"space_id", packet::kPhysicalSpace}, {"is_thread_specific", false}};
    reply_.frame().binary(dump_json(nlohmann::json::array({physical})));
    return {};
}

// Every thread's expedited registers in one reply.
SessionCore::Handled SessionCore::handle(const packet::jThreadsInfo&, Stopped stopped) {
    const StopEvent first = target_.execution().last_stop();
    std::vector<StopEvent> stops = stops_besides(first);
    stops.push_back(first);
    nlohmann::json list = nlohmann::json::array();
    for (const KnownThread& known : threads_) {
        const auto reported = std::find_if(stops.begin(), stops.end(),
                                           [&](const StopEvent& event) { return event.thread == known.id; });
        nlohmann::json thread =
            reported != stops.end() ? lldb_thread_stop(*reported) : nlohmann::json{{"tid", known.id.value}};
        if (const auto info = stopped.threads().thread_info(known.id); info && !info->name.empty())
            thread["name"] = info->name;
        nlohmann::json registers = nlohmann::json::object();
        for (const std::uint32_t regno : stopped.registers().expedited()) {
            const auto value = stopped.registers().read(known.id, regno);
            if (value && !value->empty())
                registers[std::to_string(regno)] =
                    to_hex(std::string_view(reinterpret_cast<const char*>(value->data()), value->size()));
        }
        thread["registers"] = std::move(registers);
        list.push_back(std::move(thread));
    }
    reply_.frame().binary(dump_json(list));
    return {};
}

}  // namespace ringside::gdbstub
