#include "gdbstub/commands.h"

namespace ringside::gdbstub {
namespace {

using Parser = Command (*)(Cursor);

template <auto Parse>
Command run(Cursor args) {
    auto packet = Parse(args);
    if (!packet)
        return packet::Malformed{};
    return *std::move(packet);
}

// Packets of one letter: what follows it is the arguments.
Parser letter_parser(char letter) {
    using namespace packet;
    switch (letter) {
        case '?':
            return run<parse_QuestionMark>;
        case '!':
            return run<parse_ExtendedMode>;
        case 'g':
            return run<parse_g>;
        case 'G':
            return run<parse_G>;
        case 'p':
            return run<parse_p>;
        case 'P':
            return run<parse_P>;
        case 'm':
            return run<parse_m>;
        case 'M':
            return run<parse_M>;
        case 'x':
            return run<parse_x>;
        case 'X':
            return run<parse_X>;
        case 'c':
            return run<parse_c>;
        case 'C':
            return run<parse_C>;
        case 's':
            return run<parse_s>;
        case 'S':
            return run<parse_S>;
        case 'D':
            return run<parse_D>;
        case 'k':
            return run<parse_k>;
        case 'H':
            return run<parse_H>;
        case 'T':
            return run<parse_T>;
        case 'Z':
            return run<parse_Z>;
        case 'z':
            return run<parse_z>;
        default:
            return nullptr;
    }
}

struct NamedPacket {
    std::string_view name;
    Parser parser;
    bool glued = false;  // the arguments follow the name without a separator
};

// Packets with a name, which ends where a character that cannot be part of one stands.
constexpr NamedPacket kNamedPackets[] = {
    {"vCont?", run<packet::parse_vCont_query>},
    {"vCont", run<packet::parse_vCont>},
    {"vCtrlC", run<packet::parse_vCtrlC>},
    {"vKill", run<packet::parse_vKill>},
    {"vAttach", run<packet::parse_vAttach>},
    {"vMustReplyEmpty", run<packet::parse_vMustReplyEmpty>},
    {"QNonStop", run<packet::parse_QNonStop>},
    {"qC", run<packet::parse_qC>},
    {"qCRC", run<packet::parse_qCRC>},
    {"qfThreadInfo", run<packet::parse_qfThreadInfo>},
    {"qsThreadInfo", run<packet::parse_qsThreadInfo>},
    {"qThreadExtraInfo", run<packet::parse_qThreadExtraInfo>},
    {"qSearch:memory", run<packet::parse_qSearch_memory>},
    {"qSupported", run<packet::parse_qSupported>},
    {"QStartNoAckMode", run<packet::parse_QStartNoAckMode>},
    {"qXfer", run<packet::parse_qXfer>},
    {"qRcmd", run<packet::parse_qRcmd>},
    {"qAttached", run<packet::parse_qAttached>},
    {"qSymbol", run<packet::parse_qSymbol>},
    {"qOffsets", run<packet::parse_qOffsets>},
    {"QThreadEvents", run<packet::parse_QThreadEvents>},
    {"qqemu.sstepbits", run<packet::parse_qqemu_sstepbits>},
    {"qqemu.sstep", run<packet::parse_qqemu_sstep>},
    {"Qqemu.sstep", run<packet::parse_Qqemu_sstep>},
    {"qqemu.PhyMemMode", run<packet::parse_qqemu_PhyMemMode>},
    {"Qqemu.PhyMemMode", run<packet::parse_Qqemu_PhyMemMode>},
    {"QThreadSuffixSupported", run<packet::parse_QThreadSuffixSupported>},
    {"QListThreadsInStopReply", run<packet::parse_QListThreadsInStopReply>},
    {"QEnableErrorStrings", run<packet::parse_QEnableErrorStrings>},
    {"QSaveRegisterState", run<packet::parse_QSaveRegisterState>},
    {"QRestoreRegisterState", run<packet::parse_QRestoreRegisterState>},
    {"qHostInfo", run<packet::parse_qHostInfo>},
    {"qProcessInfo", run<packet::parse_qProcessInfo>},
    {"qRegisterInfo", run<packet::parse_qRegisterInfo>, true},
    {"qMemoryRegionInfo", run<packet::parse_qMemoryRegionInfo>},
    {"qWatchpointSupportInfo", run<packet::parse_qWatchpointSupportInfo>},
    {"jThreadsInfo", run<packet::parse_jThreadsInfo>},
};

bool continues_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool has_name(const NamedPacket& packet, std::string_view payload) {
    if (!payload.starts_with(packet.name))
        return false;
    return packet.glued || payload.size() == packet.name.size() ||
           !continues_name(payload[packet.name.size()]);
}

}  // namespace

Command parse_command(std::string_view payload) {
    if (payload.empty())
        return packet::Unknown{};
    if (const Parser parser = letter_parser(payload.front()))
        return parser(Cursor(payload.substr(1)));
    for (const NamedPacket& packet : kNamedPackets)
        if (has_name(packet, payload))
            return packet.parser(Cursor(payload.substr(packet.name.size())));
    return packet::Unknown{};
}

}  // namespace ringside::gdbstub
