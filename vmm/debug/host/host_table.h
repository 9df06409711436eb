// HostAbilities as text and as JSON: `ringside doctor`, `monitor host`.
#pragma once

#include <string>
#include <vector>

#include "vmm/debug/host/host_abilities.h"

namespace ringside::debug {

// One measured ability: what it is, what was found, and what Ringside does about it.
struct HostRow {
    std::string key;          // for JSON: "int3_real"
    std::string what;         // "int3 breakpoints, real mode"
    std::string result;       // "works", "no", "by emulation failure"
    bool works = false;       // as documented in the KVM API
    std::string consequence;  // what is done instead; empty if it works
};

std::vector<HostRow> host_rows(const HostAbilities& abilities);

// The rows as an aligned table.
std::string format_host_table(const HostAbilities& abilities);

}  // namespace ringside::debug
