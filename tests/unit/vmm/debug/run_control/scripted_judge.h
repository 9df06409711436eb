// A judge of hits that says what a test has told it to.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "vmm/debug/breakpoints/breakpoint.h"

namespace ringside::debug {

class ScriptedJudge final : public HitJudge {
  public:
    std::optional<std::string> line;
    int asked = 0;
    int before = -1, after = -1;  // a watchpoint's first byte
    std::optional<std::string> judge(const JudgedHit& hit) override {
        ++asked;
        if (!hit.before.empty()) {
            before = std::to_integer<int>(hit.before[0]);
            after = std::to_integer<int>(hit.after[0]);
        }
        return line;
    }
};

}  // namespace ringside::debug
