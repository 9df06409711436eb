// Every packet that the stub knows, as one type.
#pragma once

#include <string_view>
#include <variant>

#include "gdbstub/packets/breakpoints.h"
#include "gdbstub/packets/lldb.h"
#include "gdbstub/packets/memory.h"
#include "gdbstub/packets/queries.h"
#include "gdbstub/packets/registers.h"
#include "gdbstub/packets/run_control.h"
#include "gdbstub/packets/threads.h"
#include "gdbstub/packets/tracepoints.h"

namespace ringside::gdbstub {

namespace packet {
struct Unknown {};    // gets the empty reply: "not supported"
struct Malformed {};  // a packet we know, with invalid arguments
}  // namespace packet

using Command = std::variant<
    packet::Unknown, packet::Malformed,
    // registers
    packet::g, packet::G, packet::p, packet::P, packet::QSaveRegisterState, packet::QRestoreRegisterState,
    // memory
    packet::m, packet::M, packet::x, packet::X, packet::MultiMemRead, packet::qSearch_memory, packet::qCRC,
    // run control
    packet::QuestionMark, packet::vCont, packet::vCont_query, packet::vCtrlC, packet::c, packet::C, packet::s,
    packet::S, packet::bs, packet::bc, packet::D, packet::k, packet::vKill, packet::vAttach, packet::vRun,
    packet::R, packet::QNonStop, packet::vStopped,
    // breakpoints
    packet::Z, packet::z,
    // tracepoints
    packet::QTinit, packet::QTDP, packet::QTDPsrc, packet::QTDV, packet::QTro, packet::QTEnable,
    packet::QTDisable, packet::QTStart, packet::QTStop, packet::QTDisconnected, packet::QTBuffer,
    packet::QTNotes, packet::QTSave, packet::QTFrame, packet::qTStatus, packet::qTP, packet::qTV,
    packet::qTfP, packet::qTsP, packet::qTfV, packet::qTsV, packet::qTBuffer,
    // threads
    packet::H, packet::T, packet::qC, packet::qfThreadInfo, packet::qsThreadInfo, packet::qThreadExtraInfo,
    // queries
    packet::ExtendedMode, packet::QStartNoAckMode, packet::qSupported, packet::qXfer, packet::qRcmd,
    packet::qAttached, packet::qSymbol, packet::qOffsets, packet::vMustReplyEmpty, packet::QThreadEvents,
    packet::qqemu_sstepbits, packet::qqemu_sstep, packet::Qqemu_sstep, packet::qqemu_PhyMemMode,
    packet::Qqemu_PhyMemMode,
    // LLDB
    packet::QThreadSuffixSupported, packet::QListThreadsInStopReply, packet::QEnableErrorStrings,
    packet::qHostInfo, packet::qProcessInfo, packet::qRegisterInfo, packet::qMemoryRegionInfo,
    packet::qWatchpointSupportInfo, packet::jThreadsInfo, packet::jAddressSpacesInfo,
    packet::jMultiBreakpoint>;

// Never fails: unknown and malformed packets have types of their own. Views in the result point into `payload`.
Command parse_command(std::string_view payload);

}  // namespace ringside::gdbstub
