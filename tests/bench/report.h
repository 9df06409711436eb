// The measured rates beside each other, for people and for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ringside::bench {

// One line: what was measured, higher is better unless `lower_is_better`. What a program cannot do is absent.
struct Row {
    std::string name;
    std::string unit;
    std::optional<double> ringside;
    std::optional<double> qemu;
    std::optional<double> limit;  // the best that this machine could give
    bool lower_is_better = false;
    std::string note = {};  // why something is absent

    // How many times better than QEMU, and which part of the limit.
    std::optional<double> against_qemu() const;
    std::optional<double> against_limit() const;
};

std::string table(const std::vector<Row>&);
std::string json(const std::vector<Row>&);

}  // namespace ringside::bench
