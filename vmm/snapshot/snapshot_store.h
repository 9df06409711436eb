// A machine's snapshots, by name. For each it is known which pages of memory may have changed since, if the host's KVM
// says which pages the guest writes: then only they are compared and copied. Else all pages that were ever used are.
//
// KVM logs writes from the first snapshot on, until the last one is deleted.
//
// Threading: the server's thread, while every vCPU is parked, no device accesses the guest, and no int3 of a debugger is
// in memory. list(), find(), and remove() also while the guest runs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "vmm/machine/dirty_pages.h"
#include "vmm/machine/machine.h"
#include "vmm/machine/page_set.h"
#include "vmm/snapshot/snapshot.h"

namespace ringside::snapshot {

class SnapshotStore : machine::DirtyPages::Reader {
  public:
    using List = std::map<std::string, Snapshot, std::less<>>;

    explicit SnapshotStore(machine::Machine& machine);
    SnapshotStore(const SnapshotStore&) = delete;
    SnapshotStore& operator=(const SnapshotStore&) = delete;
    ~SnapshotStore() override;

    const List& list() const { return list_; }
    // Null if there is none of this name.
    const Snapshot* find(std::string_view name) const;

    // A snapshot of the same name is replaced.
    Result<const Snapshot*> save(std::string_view name);
    // One of a machine of the same shape.
    void add(std::string_view name, Snapshot snapshot);
    void remove(std::string_view name) { list_.erase(list_.find(name)); }
    // The two that follow take a snapshot of the list. Returns the number of pages that differed.
    Result<std::uint64_t> restore(std::string_view name);
    // Calls `each` with each page that differs from the snapshot's, in order.
    void for_each_difference(std::string_view name, const std::function<void(Gpa)>& each);

    // Makes KVM log writes if there is a snapshot, and stops it if there is none.
    void watch();
    // Returns true if KVM logs them.
    bool watching() const { return watching_; }

  private:
    void page_written(Gpa page) override { recent_.add(page); }
    void all_written() override { all_written_ = true; }
    // Learns which pages were written since the last look.
    void look();
    Result<std::uint64_t> restore_memory(Snapshot& wanted);
    void compare(Snapshot& with, const std::function<void(Gpa)>& each);
    SharedPages copy_memory() const;

    machine::Machine& machine_;
    List list_;
    bool watching_ = false;
    machine::PageSet recent_;  // written since the last look
    bool all_written_ = false;
};

}  // namespace ringside::snapshot
