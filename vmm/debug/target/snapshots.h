// The snapshots of a machine, by name.
//
// Threading: the server's thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/debug/target/debugger.h"
#include "vmm/snapshot/snapshot_store.h"

namespace ringside::debug {

class Snapshots {
  public:
    static constexpr std::size_t kMost = 32, kLongestName = 64;

    explicit Snapshots(Debugger& debugger) : debugger_(debugger), store_(debugger.machine()) {}

    const snapshot::SnapshotStore::List& list() const { return store_.list(); }
    // Returns true if KVM names the pages that the guest has written since.
    bool watching() const { return store_.watching(); }
    // Both only while the guest is stopped. A snapshot of the same name is replaced.
    Result<const snapshot::Snapshot*> save(std::string_view name);
    // From a file, of which the snapshot gets the name.
    Result<void> load(const std::string& file);
    // Returns the number of pages that were put back.
    Result<std::uint64_t> restore(std::string_view name);
    Result<void> remove(std::string_view name);
    Result<const snapshot::Snapshot*> find(std::string_view name) const;
    // The pages of memory that differ now, in order. Only while the guest is stopped.
    Result<std::vector<Gpa>> differences(std::string_view name);

    // Calls `look` while no breakpoint is in the memory of the stopped guest.
    template <typename F>
    auto without_breakpoints(F&& look) -> decltype(look()) {
        TRY(stopped());
        const bool recording = debugger_.time_travel().recorder().active();
        const auto& token = *debugger_.stop_token();
        debugger_.guest().table().set_stepping_only(token, true);
        auto result = look();
        debugger_.guest().table().set_stepping_only(token, recording);
        return result;
    }

  private:
    Result<void> stopped() const;

    Debugger& debugger_;
    snapshot::SnapshotStore store_;
};

}  // namespace ringside::debug
