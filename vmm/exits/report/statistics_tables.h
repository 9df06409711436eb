// Tables of what is not an exit recorder's: KVM's own statistics, and what tracing has lost.
#pragma once

#include "vmm/exits/hardware/hardware_tracer.h"
#include "vmm/exits/hardware/kvm_statistics.h"
#include "vmm/exits/report/table.h"

namespace ringside::exits {

// `monitor exits stats`: names and values with units, histograms as "bucket: count" pairs. Zero rows are left
// out and counted.
Table statistics_table(const KvmStatistics& statistics);

// Adds what the tables lack to a table's notes.
void note_hardware_losses(Table& table, const HardwareStatistics& statistics);

}  // namespace ringside::exits
