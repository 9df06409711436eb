// One source of a machine's exits: what each vCPU has recorded, now and at an earlier moment.
//
// Threading: the server's thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vmm/base/ids.h"
#include "vmm/exits/record/recorder.h"
#include "vmm/exits/record/tsc_clock.h"
#include "vmm/exits/report/tables.h"

namespace ringside::debug {

class ExitTier {
  public:
    virtual ~ExitTier() = default;

    virtual exits::Source source() const = 0;
    virtual std::uint32_t vcpu_count() const = 0;
    // With at most `recent` of the last exits.
    virtual exits::VcpuStatistics snapshot(VcpuIndex vcpu, std::size_t recent) const = 0;
    virtual void reset() = 0;
    virtual void enable(bool on) = 0;
    // `monitor exits last`: by default from the records alone.
    virtual exits::Table last_table(std::optional<VcpuIndex> vcpu, std::size_t rows,
                                    const exits::Names& names) const;
    // Remarks on what the tables do not contain.
    virtual void add_losses(exits::Table&) const {}
    // KVM moves RIP past the instruction before some exits to userspace; the hardware leaves it there.
    virtual bool rip_is_after_instruction() const { return true; }

    // Of one vCPU, or the sum.
    exits::VcpuStatistics statistics(std::optional<VcpuIndex> vcpu) const;
    std::vector<exits::VcpuStatistics> statistics_of_each() const;

    // Stores the present numbers, and returns the previous ones. The difference is what one step did.
    void mark();
    exits::VcpuStatistics at_mark(std::optional<VcpuIndex> vcpu) const;

  private:
    std::vector<exits::VcpuStatistics> mark_;  // by vCPU; empty before the first mark
};

// Exits that reach the exit loop, from the vCPUs' own recorders.
class UserspaceTier final : public ExitTier {
  public:
    UserspaceTier(std::vector<exits::VcpuRecorder*> recorders, const exits::TscClock& clock)
        : recorders_(std::move(recorders)), clock_(clock) {}

    exits::Source source() const override { return exits::userspace_source(reasons_, clock_.rate()); }
    std::uint32_t vcpu_count() const override { return static_cast<std::uint32_t>(recorders_.size()); }
    exits::VcpuStatistics snapshot(VcpuIndex vcpu, std::size_t recent) const override;
    void reset() override;
    void enable(bool on) override;

  private:
    exits::KvmReasons reasons_;
    std::vector<exits::VcpuRecorder*> recorders_;
    const exits::TscClock& clock_;
};

}  // namespace ringside::debug
