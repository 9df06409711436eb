#include "gdbstub/commands.h"

#include <array>

#include "gdbstub/packets/bare.h"

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

// For a packet that consists of its name.
template <typename Packet>
constexpr Parser bare = run<packet::parse_bare<Packet>>;

// Packets of one letter: what follows the letter is the arguments.
struct LetterPacket {
    char letter;
    Parser parser;
};

constexpr LetterPacket kLetterPackets[] = {
    {'?', bare<packet::QuestionMark>}, {'!', bare<packet::ExtendedMode>},
    {'g', run<packet::parse_g>},       {'G', run<packet::parse_G>},
    {'p', run<packet::parse_p>},       {'P', run<packet::parse_P>},
    {'m', run<packet::parse_m>},       {'M', run<packet::parse_M>},
    {'x', run<packet::parse_x>},       {'X', run<packet::parse_X>},
    {'c', run<packet::parse_c>},       {'C', run<packet::parse_C>},
    {'s', run<packet::parse_s>},       {'S', run<packet::parse_S>},
    {'D', run<packet::parse_D>},       {'k', bare<packet::k>},
    {'R', run<packet::parse_R>},       {'H', run<packet::parse_H>},
    {'T', run<packet::parse_T>},       {'Z', run<packet::parse_Z>},
    {'z', run<packet::parse_z>},
};

constexpr auto kLetterParsers = [] {
    std::array<Parser, 128> parsers{};
    for (const LetterPacket& packet : kLetterPackets)
        parsers[static_cast<std::size_t>(packet.letter)] = packet.parser;
    return parsers;
}();

// Packets with a name. The name ends at the first character that cannot be part of a name.
struct NamedPacket {
    std::string_view name;
    Parser parser;
    bool glued = false;  // the arguments follow the name without a separator
};

constexpr NamedPacket kNamedPackets[] = {
    {"bs", bare<packet::bs>},
    {"bc", bare<packet::bc>},
    {"vCont?", bare<packet::vCont_query>},
    {"vCont", run<packet::parse_vCont>},
    {"vCtrlC", bare<packet::vCtrlC>},
    {"vKill", run<packet::parse_vKill>},
    {"vAttach", run<packet::parse_vAttach>},
    {"vRun", run<packet::parse_vRun>},
    {"vMustReplyEmpty", run<packet::parse_vMustReplyEmpty>},
    {"QNonStop", run<packet::parse_QNonStop>},
    {"vStopped", bare<packet::vStopped>},
    {"qC", bare<packet::qC>},
    {"qCRC", run<packet::parse_qCRC>},
    {"qfThreadInfo", bare<packet::qfThreadInfo>},
    {"qsThreadInfo", bare<packet::qsThreadInfo>},
    {"qThreadExtraInfo", run<packet::parse_qThreadExtraInfo>},
    {"qSearch:memory", run<packet::parse_qSearch_memory>},
    {"qSupported", run<packet::parse_qSupported>},
    {"QStartNoAckMode", bare<packet::QStartNoAckMode>},
    {"qXfer", run<packet::parse_qXfer>},
    {"qRcmd", run<packet::parse_qRcmd>},
    {"qAttached", run<packet::parse_qAttached>},
    {"qSymbol", run<packet::parse_qSymbol>},
    {"qOffsets", bare<packet::qOffsets>},
    {"QThreadEvents", run<packet::parse_QThreadEvents>},
    {"QTinit", bare<packet::QTinit>},
    {"QTDP", run<packet::parse_QTDP>},
    {"QTDPsrc", run<packet::parse_QTDPsrc>},
    {"QTDV", run<packet::parse_QTDV>},
    {"QTro", run<packet::parse_QTro>},
    {"QTEnable", run<packet::parse_QTEnable>},
    {"QTDisable", run<packet::parse_QTDisable>},
    {"QTStart", bare<packet::QTStart>},
    {"QTStop", bare<packet::QTStop>},
    {"QTDisconnected", run<packet::parse_QTDisconnected>},
    {"QTBuffer", run<packet::parse_QTBuffer>},
    {"QTNotes", run<packet::parse_QTNotes>},
    {"QTSave", run<packet::parse_QTSave>},
    {"QTFrame", run<packet::parse_QTFrame>},
    {"qTStatus", bare<packet::qTStatus>},
    {"qTP", run<packet::parse_qTP>},
    {"qTV", run<packet::parse_qTV>},
    {"qTfP", bare<packet::qTfP>},
    {"qTsP", bare<packet::qTsP>},
    {"qTfV", bare<packet::qTfV>},
    {"qTsV", bare<packet::qTsV>},
    {"qTBuffer", run<packet::parse_qTBuffer>},
    {"qqemu.sstepbits", bare<packet::qqemu_sstepbits>},
    {"Qqemu.sstepbits", bare<packet::qqemu_sstepbits>},  // how pwndbg and gef ask; QEMU answers both
    {"qqemu.sstep", bare<packet::qqemu_sstep>},
    {"Qqemu.sstep", run<packet::parse_Qqemu_sstep>},
    {"qqemu.PhyMemMode", bare<packet::qqemu_PhyMemMode>},
    {"Qqemu.PhyMemMode", run<packet::parse_Qqemu_PhyMemMode>},
    {"QThreadSuffixSupported", bare<packet::QThreadSuffixSupported>},
    {"QListThreadsInStopReply", bare<packet::QListThreadsInStopReply>},
    {"QEnableErrorStrings", bare<packet::QEnableErrorStrings>},
    {"QSaveRegisterState", run<packet::parse_QSaveRegisterState>},
    {"QRestoreRegisterState", run<packet::parse_QRestoreRegisterState>},
    {"qHostInfo", bare<packet::qHostInfo>},
    {"qProcessInfo", bare<packet::qProcessInfo>},
    {"qRegisterInfo", run<packet::parse_qRegisterInfo>, true},
    {"qMemoryRegionInfo", run<packet::parse_qMemoryRegionInfo>},
    {"qWatchpointSupportInfo", run<packet::parse_qWatchpointSupportInfo>},
    {"jThreadsInfo", bare<packet::jThreadsInfo>},
    {"jAddressSpacesInfo", bare<packet::jAddressSpacesInfo>},
    {"jMultiBreakpoint", run<packet::parse_jMultiBreakpoint>},
    {"MultiMemRead", run<packet::parse_MultiMemRead>},
};

// Letters with which a name begins: MultiMemRead begins as M does.
constexpr auto kNameLetters = [] {
    std::array<bool, 128> letters{};
    for (const NamedPacket& packet : kNamedPackets)
        letters[static_cast<std::size_t>(packet.name.front())] = true;
    return letters;
}();

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
    const auto letter = static_cast<unsigned char>(payload.front());
    if (letter >= kLetterParsers.size())
        return packet::Unknown{};
    if (kNameLetters[letter]) {
        for (const NamedPacket& packet : kNamedPackets)
            if (has_name(packet, payload))
                return packet.parser(Cursor(payload.substr(packet.name.size())));
    }
    return kLetterParsers[letter] != nullptr ? kLetterParsers[letter](Cursor(payload.substr(1)))
                                             : packet::Unknown{};
}

}  // namespace ringside::gdbstub
