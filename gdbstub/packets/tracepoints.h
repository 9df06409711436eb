// Tracepoints: what they collect, the experiment, and its frames (gdb manual, "Tracepoint Packets").
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "gdbstub/cursor.h"
#include "gdbstub/tracepoints.h"

namespace ringside::gdbstub::packet {

struct QTinit {};
// QTDP defines a tracepoint, or adds actions to one.
struct QTDP {
    std::variant<TracepointHead, TracepointActions> what;
    bool fast_or_static = false;  // of a kind that needs code inside the guest
    bool more = false;            // actions follow in another packet
};
struct QTDPsrc {
    TracepointSource source;
};
struct QTDV {
    TraceVariable variable;
};
struct QTro {
    std::vector<std::pair<Address, Address>> ranges;  // first address, and the one behind the last
};
struct QTEnable {
    TracepointId id;
};
struct QTDisable {
    TracepointId id;
};
struct QTStart {};
struct QTStop {};
struct QTDisconnected {
    bool on = false;
};
struct QTBuffer {
    struct Circular {
        bool on = false;
    };
    struct Size {
        std::optional<std::uint64_t> bytes;  // nullopt: whatever the target likes
    };
    std::variant<Circular, Size> what;
};
struct QTNotes {
    TraceNotes notes;
};
struct QTSave {};
struct QTFrame {
    std::optional<FrameSearch> search;  // nullopt: back to the live target
};
struct qTStatus {};
struct qTP {
    TracepointId id;
};
struct qTV {
    std::uint32_t number = 0;
};
struct qTfP {};
struct qTsP {};
struct qTfV {};
struct qTsV {};
struct qTBuffer {
    std::uint64_t offset = 0, length = 0;
};

std::optional<QTDP> parse_QTDP(Cursor args);
std::optional<QTDPsrc> parse_QTDPsrc(Cursor args);
std::optional<QTDV> parse_QTDV(Cursor args);
std::optional<QTro> parse_QTro(Cursor args);
std::optional<QTEnable> parse_QTEnable(Cursor args);
std::optional<QTDisable> parse_QTDisable(Cursor args);
std::optional<QTDisconnected> parse_QTDisconnected(Cursor args);
std::optional<QTBuffer> parse_QTBuffer(Cursor args);
std::optional<QTNotes> parse_QTNotes(Cursor args);
std::optional<QTSave> parse_QTSave(Cursor args);
std::optional<QTFrame> parse_QTFrame(Cursor args);
std::optional<qTP> parse_qTP(Cursor args);
std::optional<qTV> parse_qTV(Cursor args);
std::optional<qTBuffer> parse_qTBuffer(Cursor args);

}  // namespace ringside::gdbstub::packet
