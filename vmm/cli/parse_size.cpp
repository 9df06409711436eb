#include <cctype>
#include <limits>

#include "vmm/base/text.h"
#include "vmm/cli/options.h"

namespace ringside::cli {

std::optional<std::uint64_t> parse_size(std::string_view text) {
    constexpr std::string_view kUnits = "KMG";
    unsigned shift = 0;
    if (!text.empty()) {
        const auto unit =
            kUnits.find(static_cast<char>(std::toupper(static_cast<unsigned char>(text.back()))));
        if (unit != std::string_view::npos) {
            shift = 10 * static_cast<unsigned>(unit + 1);
            text.remove_suffix(1);
        }
    }
    const auto number = parse_digits(text);
    if (!number || *number > std::numeric_limits<std::uint64_t>::max() >> shift)
        return std::nullopt;
    return *number << shift;
}

}  // namespace ringside::cli
