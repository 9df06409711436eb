// A snapshot as a file. The file is not trusted: one that is truncated, damaged or of another machine is refused, and
// the error says which.
//
//     header | shape of the machine | vCPUs, chips, clock, devices | pages that are not zero: address, bytes
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "vmm/snapshot/snapshot.h"

namespace ringside::snapshot {

std::vector<std::byte> to_bytes(machine::Machine& machine, const Snapshot& snapshot);
// Fails unless the bytes are a whole snapshot of a machine of the same shape.
Result<Snapshot> from_bytes(machine::Machine& machine, std::span<const std::byte> bytes);

// The file appears complete or not at all.
Result<void> write_file(const std::filesystem::path& path, machine::Machine& machine,
                        const Snapshot& snapshot);
Result<Snapshot> read_file(const std::filesystem::path& path, machine::Machine& machine);

}  // namespace ringside::snapshot
