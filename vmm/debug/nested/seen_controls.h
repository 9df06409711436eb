// The VMCSs and VMCBs of a guest that is a hypervisor that were in use when it stopped: KVM reports only the
// current one.
//
// Threading: the server's thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>

#include "vmm/base/ids.h"
#include "vmm/debug/nested/vmcs_answers.h"

namespace ringside::debug {

class SeenControls {
  public:
    struct Seen {
        VcpuIndex vcpu;           // on which it was last used
        std::uint64_t stops = 0;  // at which it was in use
    };

    // A stop at which this one was in use on a vCPU. Once there are kMost, no new one is added.
    void note(VcpuIndex vcpu, Gpa control);
    // The machine has restarted.
    void forget() { seen_.clear(); }

    static constexpr std::size_t kMost = 256;
    bool full() const { return seen_.size() == kMost; }
    const std::map<std::uint64_t, Seen>& by_address() const { return seen_; }

  private:
    std::map<std::uint64_t, Seen> seen_;
};

// The information on one of them.
struct ListedControl {
    Gpa address;
    SeenControls::Seen seen;
    bool current = false;
    bool runs = false;             // L2 runs with it
    std::vector<std::byte> image;  // KVM's copy, or what is in the guest's memory
};

Answer vmcs_list_answer(std::span<const ListedControl> list, bool full);
Answer vmcb_list_answer(std::span<const ListedControl> list, bool full);

}  // namespace ringside::debug
