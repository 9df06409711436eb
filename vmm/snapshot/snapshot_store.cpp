#include "vmm/snapshot/snapshot_store.h"

#include <algorithm>
#include <utility>

namespace ringside::snapshot {

using machine::kPageSize;
using machine::PageSet;

namespace {

// Rings are for vCPUs that step. Memory in a file may be written by others.
bool can_watch(machine::Machine& machine) {
    return machine.dirty_pages() != nullptr && machine.dirty_pages()->source().is_unlimited() &&
           std::ranges::all_of(machine.memory().regions(), [](const machine::MemoryRegion& region) {
               return region.read_only() || region.lazily_allocated();
           });
}

// A processor that runs a guest's own guest writes to pages of the outer guest by itself (the virtual-APIC page): KVM
// logs them only when it leaves the inner guest.
bool in_inner_guest(machine::Machine& machine) {
    for (std::uint32_t i = 0; i < machine.vcpu_count(); ++i) {
        const auto inside = machine.vcpu(VcpuIndex{i}).call([](kvm::VcpuPort& vcpu) {
            const auto nested = vcpu.nested_state();
            return nested && nested->guest_mode;
        });
        if (inside)
            return true;
    }
    return false;
}

}  // namespace

SnapshotStore::SnapshotStore(machine::Machine& machine) : machine_(machine), recent_(machine.memory()) {}

SnapshotStore::~SnapshotStore() {
    if (watching_)
        (void)machine_.dirty_pages()->remove(*this);
}

const Snapshot* SnapshotStore::find(std::string_view name) const {
    const auto found = list_.find(name);
    return found == list_.end() ? nullptr : &found->second;
}

void SnapshotStore::watch() {
    if (!list_.empty() && !watching_ && can_watch(machine_))
        watching_ = machine_.dirty_pages()->add(*this).has_value();
    else if (list_.empty() && std::exchange(watching_, false))
        (void)machine_.dirty_pages()->remove(*this);
}

void SnapshotStore::look() {
    if (!watching_)
        return;
    const bool unseen = in_inner_guest(machine_);
    const bool known = machine_.dirty_pages()->collect().has_value() && !unseen && !all_written_;
    for (auto& [_, snapshot] : list_) {
        if (!known)
            snapshot.changed.reset();
        else if (snapshot.changed)
            snapshot.changed->add(recent_);
    }
    recent_.clear();
    all_written_ = false;
}

// What the machine's memory has in common with the snapshot that it differs least from is not copied again.
SharedPages SnapshotStore::copy_memory() const {
    const Snapshot* base = nullptr;
    for (const auto& [_, snapshot] : list_) {
        if (snapshot.changed && (base == nullptr || snapshot.changed->count() < base->changed->count()))
            base = &snapshot;
    }
    const machine::GuestMemory& memory = machine_.memory();
    return base == nullptr ? SharedPages::of(memory) : SharedPages::of(memory, base->memory, *base->changed);
}

Result<const Snapshot*> SnapshotStore::save(std::string_view name) {
    auto state = TRY(take_state(machine_));
    look();
    add(name, Snapshot{std::move(state), copy_memory(), {}});
    Snapshot& saved = list_.find(name)->second;
    if (watching_)
        saved.changed.emplace(machine_.memory());
    return &saved;
}

void SnapshotStore::add(std::string_view name, Snapshot snapshot) {
    list_.insert_or_assign(std::string(name), std::move(snapshot));
    watch();
}

void SnapshotStore::compare(Snapshot& with, const std::function<void(Gpa)>& each) {
    PageSet differ(machine_.memory());
    const auto add = [&differ](Gpa page) { differ.add(page); };
    if (with.changed)
        with.memory.for_each_difference(machine_.memory(), *with.changed, add);
    else
        with.memory.for_each_difference(machine_.memory(), add);
    differ.for_each(each);
    if (watching_)
        with.changed = std::move(differ);
}

// Its own writes are changes to the other snapshots.
Result<std::uint64_t> SnapshotStore::restore_memory(Snapshot& wanted) {
    const machine::GuestMemory& memory = machine_.memory();
    std::uint64_t pages = 0;
    look();
    compare(wanted, [&](Gpa page) {
        std::ranges::copy(wanted.memory.at(page), memory.span(page, kPageSize).begin());
        memory.note_write(page, kPageSize);
        ++pages;
    });
    if (pages != 0 && machine_.dirty_pages() != nullptr)
        TRY(machine_.dirty_pages()->forget_translations());
    look();
    if (watching_)
        wanted.changed.emplace(memory);
    return pages;
}

// Memory first: restoring vCPUs and devices may read it, and write to it.
Result<std::uint64_t> SnapshotStore::restore(std::string_view name) {
    TRY(check(machine_));
    Snapshot& wanted = list_.find(name)->second;
    watch();
    const auto pages = TRY(restore_memory(wanted));
    TRY(put_state(machine_, wanted.state));
    return std::uint64_t{pages};
}

void SnapshotStore::for_each_difference(std::string_view name, const std::function<void(Gpa)>& each) {
    watch();
    look();
    compare(list_.find(name)->second, each);
}

}  // namespace ringside::snapshot
