// What the session knows about its client: its kind, and the features that it announced or switched on.
#pragma once

#include <string_view>

namespace ringside::gdbstub {

struct Client {
    enum class Kind {
        Unknown,  // no qSupported yet
        Gdb,
        Lldb,     // 20 and newer: its `x` is gdb's
        OldLldb,  // its `x` expects "OK" for a probe of no bytes, and data without gdb's leading 'b'
    };

    Kind kind = Kind::Unknown;
    // Announced in qSupported
    bool swbreak = false;
    bool hwbreak = false;
    bool multiprocess = false;   // used with gdb only: LLDB expects plain thread ids
    bool error_message = false;  // accepts E.words for every packet
    // Switched on by LLDB
    bool list_threads_in_stop_reply = false;
    bool error_strings = false;

    // gdb 13 fails with an internal error if its queue has more than one stop while it connects. So it gets each in
    // a separate notification. It does not announce error-message.
    bool one_stop_a_time() const { return kind == Kind::Gdb && !error_message; }
    bool is_lldb() const { return kind == Kind::Lldb || kind == Kind::OldLldb; }
};

// Reads qSupported's list. Only gdb announces qRelocInsn; LLDB began to announce swbreak when it adopted gdb's
// form of `x`.
inline Client client_from_features(std::string_view features) {
    Client client;
    bool reloc_insn = false;
    while (!features.empty()) {
        const std::size_t end = features.find(';');
        const std::string_view feature = features.substr(0, end);
        client.swbreak |= feature == "swbreak+";
        client.hwbreak |= feature == "hwbreak+";
        client.multiprocess |= feature == "multiprocess+";
        client.error_message |= feature == "error-message+";
        reloc_insn |= feature == "qRelocInsn+";
        features.remove_prefix(end == std::string_view::npos ? features.size() : end + 1);
    }
    client.kind = reloc_insn       ? Client::Kind::Gdb
                  : client.swbreak ? Client::Kind::Lldb
                                   : Client::Kind::OldLldb;
    client.multiprocess &= client.kind == Client::Kind::Gdb;
    return client;
}

}  // namespace ringside::gdbstub
