// Tracepoint packets, and the session's part of them: the trace frame that the client has selected.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gdbstub/packets/tracepoints.h"
#include "gdbstub/reply_writer.h"
#include "gdbstub/target.h"
#include "gdbstub/tracepoints.h"

namespace ringside::gdbstub {

class SessionTraces {
  public:
    using Handled = Result<void>;

    explicit SessionTraces(ReplyWriter& reply) : reply_(reply) {}

    // While a frame is selected, registers and memory are read from it.
    bool frame_selected() const { return frame_.has_value(); }
    void leave_frame() { frame_.reset(); }
    // Nothing of a client's remains for the next one.
    void forget_client();
    // An error while a frame is selected, because frames cannot be written.
    Result<void> check_live() const;

    // The selected frame's answers to g and p and to memory reads, and as a document.
    Handled write_registers(const Tracepoints& traces, Registers& live, ThreadId thread);
    Handled write_register(const Tracepoints& traces, Registers& live, std::uint32_t regno);
    Result<std::size_t> read_memory(const Tracepoints& traces, Memory& live, ThreadId thread, Address address,
                                    std::span<std::byte> out) const;
    std::optional<std::string> frame_info(const Tracepoints& traces) const;

    // One for each packet; each writes one reply, or returns an error.
    Handled answer(const packet::QTinit&, Tracepoints&, ThreadId);
    Handled answer(const packet::QTDP&, Tracepoints&, ThreadId);
    Handled answer(const packet::QTDPsrc&, Tracepoints&, ThreadId);
    Handled answer(const packet::QTDV&, Tracepoints&, ThreadId);
    Handled answer(const packet::QTro&, Tracepoints&, ThreadId);
    Handled answer(const packet::QTEnable&, Tracepoints&, ThreadId);
    Handled answer(const packet::QTDisable&, Tracepoints&, ThreadId);
    Handled answer(const packet::QTStart&, Tracepoints&, ThreadId);
    Handled answer(const packet::QTStop&, Tracepoints&, ThreadId);
    Handled answer(const packet::QTDisconnected&, Tracepoints&, ThreadId);
    Handled answer(const packet::QTBuffer&, Tracepoints&, ThreadId);
    Handled answer(const packet::QTNotes&, Tracepoints&, ThreadId);
    Handled answer(const packet::QTSave&, Tracepoints&, ThreadId);
    Handled answer(const packet::QTFrame&, Tracepoints&, ThreadId);
    Handled answer(const packet::qTStatus&, Tracepoints&, ThreadId);
    Handled answer(const packet::qTP&, Tracepoints&, ThreadId);
    Handled answer(const packet::qTV&, Tracepoints&, ThreadId);
    Handled answer(const packet::qTfP&, Tracepoints&, ThreadId);
    Handled answer(const packet::qTsP&, Tracepoints&, ThreadId);
    Handled answer(const packet::qTfV&, Tracepoints&, ThreadId);
    Handled answer(const packet::qTsV&, Tracepoints&, ThreadId);
    Handled answer(const packet::qTBuffer&, Tracepoints&, ThreadId);

  private:
    Handled ok();
    Handled upload(std::vector<std::string> lines);
    Handled next_line();

    ReplyWriter& reply_;
    std::optional<FoundFrame> frame_;
    std::vector<std::pair<Address, Address>> read_only_;
    std::vector<std::string> lines_;  // that qTsP or qTsV will ask for
    std::size_t next_line_ = 0;
    std::vector<std::byte> bytes_;
};

}  // namespace ringside::gdbstub
