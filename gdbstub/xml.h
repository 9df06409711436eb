// Escapes text for an XML document or attribute; a character that XML does not allow becomes '?'.
#pragma once

#include <string>
#include <string_view>

namespace ringside::gdbstub {

// XML 1.0 has no way to write most control characters.
inline bool is_allowed(char c) {
    return static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\n' || c == '\r';
}

inline std::string xml_escape(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        switch (c) {
            case '&':
                escaped += "&amp;";
                break;
            case '<':
                escaped += "&lt;";
                break;
            case '>':
                escaped += "&gt;";
                break;
            case '"':
                escaped += "&quot;";
                break;
            default:
                escaped += is_allowed(c) ? c : '?';
        }
    }
    return escaped;
}

}  // namespace ringside::gdbstub
