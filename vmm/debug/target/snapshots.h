// The snapshots of a machine, by name.
//
// Threading: the server's thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "vmm/debug/target/debugger.h"
#include "vmm/snapshot/snapshot.h"

namespace ringside::debug {

class Snapshots {
  public:
    static constexpr std::size_t kMost = 32, kLongestName = 64;
    using List = std::map<std::string, snapshot::Snapshot, std::less<>>;

    explicit Snapshots(Debugger& debugger) : debugger_(debugger) {}

    const List& list() const { return list_; }
    // Both only while the guest is stopped. A snapshot of the same name is replaced.
    Result<const snapshot::Snapshot*> save(std::string_view name);
    // From a file, of which the snapshot gets the name.
    Result<void> load(const std::string& file);
    // Returns the number of pages that were put back.
    Result<std::uint64_t> restore(std::string_view name);
    Result<void> remove(std::string_view name);
    Result<const snapshot::Snapshot*> find(std::string_view name) const;

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
    List list_;
};

}  // namespace ringside::debug
