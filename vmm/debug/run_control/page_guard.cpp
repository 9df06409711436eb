#include "vmm/debug/run_control/page_guard.h"

#include <algorithm>

#include <fmt/format.h>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/msrs.h"
#include "vmm/machine/layout.h"

namespace ringside::debug {

namespace {

using layout::kPage;

template <typename Address>
Address page_of(Address address) {
    return Address{address.value & ~(kPage - 1)};
}

bool is_hypervisor(const x86::SystemRegisters& system) {
    return system.inner.running || (system.cr4 & x86::cr4::kVmxe) != 0 ||
           (system.efer & x86::efer::kSvme) != 0;
}

}  // namespace

// Documentation/virt/kvm/x86/msr.rst. The low bits are flags; an area that is not in use may be enabled at its address.
std::vector<Gpa> PageGuard::kvm_areas(const kvm::VcpuPort& vcpu) {
    std::vector<Gpa> areas;
    for (const std::uint32_t index :
         {x86::msr::kKvmWallClock, x86::msr::kKvmSystemTime, x86::msr::kKvmAsyncPageFault,
          x86::msr::kKvmStealTime, x86::msr::kKvmEndOfInterrupt}) {
        kvm::Msr msr{index, 0};
        const auto count = vcpu.read_msrs({&msr, 1});
        if (count && *count == 1 && msr.value != 0)
            areas.push_back(page_of(Gpa{msr.value}));
    }
    return areas;
}

// ---- Everything is stopped

std::string PageGuard::prepare(const machine::StopToken&, const HostAbilities& host,
                               std::span<const Vcpu> vcpus, bool steps) {
    const DebugPlan& plan = table_.plan();
    const bool was_active = !places_.empty();
    const auto places_before = std::exchange(places_, {});
    const auto ranges_before = std::exchange(ranges_, watched());
    if (ranges_ != ranges_before)
        given_up_.clear();
    why_not_.clear();
    bool guarded = false;
    if (pages() != nullptr && host.protects_pages() && !steps && plan.stepped_breakpoints.empty() &&
        !ranges_.empty()) {
        why_not_ = given_up_.empty() ? look_up(vcpus) : given_up_;
        if (why_not_.empty())
            why_not_ = protect();
        guarded = why_not_.empty();
    }
    std::string said = was_active ? moved(ranges_before, places_before) : std::string();
    if (!guarded)
        places_.clear();
    {
        const std::scoped_lock lock(mutex_);
        cost_ = {};
    }
    if (auto used = use(guarded); !used && why_not_.empty())
        why_not_ = used.error().message();
    return said;
}

// Those whose every hit is a write: others are found by stepping, and then all are.
PageGuard::Ranges PageGuard::watched() const {
    Ranges ranges;
    for (const Breakpoint* watchpoint : table_.plan().stepped_watchpoints) {
        if (watchpoint->request.kind != gdbstub::BreakpointKind::WriteWatch ||
            watchpoint->level != x86::GuestLevel::L1)
            return {};
        ranges.push_back({watchpoint->request.address, watchpoint->request.size, watchpoint->physical});
    }
    std::ranges::sort(ranges);
    return ranges;
}

std::string PageGuard::look_up(std::span<const Vcpu> vcpus) {
    if (std::ranges::any_of(vcpus, is_hypervisor, &Vcpu::system))
        return "the guest is a hypervisor";
    for (const auto& [address, size, physical] : ranges_) {
        const std::uint64_t last = address + (size - 1);
        if (last / kPage - address / kPage >= machine::WriteProtection::kMostPages)
            return "they are on too many pages";
        for (std::uint64_t page = address / kPage; page <= last / kPage; ++page) {
            auto why = physical ? look_up(Gpa{page * kPage}) : look_up(vcpus, Gva{page * kPage});
            if (!why.empty())
                return why;
        }
    }
    for (const Vcpu& vcpu : vcpus) {
        if (auto why = objection(vcpu.kvm_areas); !why.empty())
            return why;
    }
    return {};
}

// The page of a linear address that no vCPU maps cannot be known.
std::string PageGuard::look_up(std::span<const Vcpu> vcpus, Gva page) {
    if (std::ranges::find(places_, page, &Place::page) != places_.end())
        return {};
    std::optional<Gpa> place;
    for (const auto& [system, areas] : vcpus) {
        const auto here = view_.translate(system, page);
        if (!here)
            continue;
        const bool paging = (system.cr0 & x86::cr0::kPg) != 0;
        if (paging && here->permissions.user)
            return "a process may have them";
        // Without paging, every address is mapped, whether there is memory or not.
        if (!paging && !machine_.memory().contains(here->gpa, kPage))
            continue;
        if (place && *place != page_of(here->gpa))
            return "vCPUs map them to different pages";
        place = page_of(here->gpa);
        const auto tables = std::span(here->steps).first(here->step_count);
        if (std::ranges::any_of(tables, [&](const auto& step) { return page_of(step.entry_gpa) == *place; }))
            return "they are in page tables";
    }
    if (!place || !pages()->can_protect(*place))
        return "no memory of the guest is mapped there";
    places_.push_back({page, *place});
    return {};
}

std::string PageGuard::look_up(Gpa page) {
    if (!pages()->can_protect(page))
        return "their pages are not ordinary memory of the guest";
    places_.push_back({std::nullopt, page});
    return {};
}

std::string PageGuard::protect() {
    std::vector<Gpa> gpas;
    for (const Place& place : places_)
        gpas.push_back(place.gpa);
    std::ranges::sort(gpas);
    gpas.erase(std::unique(gpas.begin(), gpas.end()), gpas.end());
    if (gpas.size() > machine::WriteProtection::kMostPages)
        return "they are on too many pages";
    const auto set = pages()->set(gpas);
    return set ? std::string() : set.error().message();
}

std::string PageGuard::moved(const Ranges& before, const std::vector<Place>& places_before) const {
    if (before != ranges_)
        return {};
    for (const Place& place : places_before) {
        if (!place.page)
            continue;
        const auto now = std::ranges::find(places_, place.page, &Place::page);
        if (now != places_.end() && now->gpa != place.gpa)
            return fmt::format(
                "The guest has mapped the watched page {:#x} to another place. A write may have been "
                "missed.\n",
                place.page->value);
    }
    return {};
}

void PageGuard::forget() {
    places_.clear();
    ranges_.clear();
    given_up_.clear();
    table_.set_guarded(false);
}

// ---- A vCPU's thread

std::optional<Gpa> PageGuard::place_of(const x86::SystemRegisters& system, Gva page) const {
    const auto here = view_.translate(system, page);
    const bool paging = (system.cr0 & x86::cr0::kPg) != 0;
    if (!here || (!paging && !machine_.memory().contains(here->gpa, kPage)))
        return std::nullopt;
    return page_of(here->gpa);
}

std::string PageGuard::objection(const x86::SystemRegisters& system) const {
    if (is_hypervisor(system))
        return "the guest has become a hypervisor";
    for (const Place& place : places_) {
        const auto now = place.page ? place_of(system, *place.page) : std::nullopt;
        if (now && *now != place.gpa)
            return fmt::format("the guest has mapped {:#x} to another page; a write may have been missed",
                               place.page->value);
    }
    return {};
}

std::string PageGuard::objection(std::span<const Gpa> areas) const {
    const bool here = std::ranges::any_of(
        places_, [&areas](const Place& place) { return std::ranges::find(areas, place.gpa) != areas.end(); });
    return here ? "KVM itself writes to their pages (kvmclock)" : "";
}

bool PageGuard::holds(Gpa gpa) const {
    return std::ranges::find(pages()->pages(), page_of(gpa)) != pages()->pages().end();
}

// All bytes are in one page: KVM splits accesses at page boundaries.
Breakpoint* PageGuard::watchpoint_at(Gpa gpa, std::uint64_t size) const {
    for (const Place& place : places_) {
        if (place.gpa != page_of(gpa))
            continue;
        const std::uint64_t address =
            place.page ? place.page->value + (gpa.value - place.gpa.value) : gpa.value;
        for (Breakpoint* watchpoint : table_.plan().stepped_watchpoints) {
            const auto& request = watchpoint->request;
            if (watchpoint->physical != place.page.has_value() && request.address < address + size &&
                address < request.address + request.size)
                return watchpoint;
        }
    }
    return nullptr;
}

Result<void> PageGuard::use(bool protection) {
    table_.set_guarded(protection);
    if (pages() == nullptr)
        return {};
    auto done = protection ? pages()->close() : pages()->open();
    if (!done)
        table_.set_guarded(false);
    return done;
}

// If that fails, stepping is right.
void PageGuard::close() {
    if (active() && !pages()->close())
        table_.set_guarded(false);
}

Result<void> PageGuard::give_up(std::string why) {
    given_up_ = why_not_ = std::move(why);
    const std::scoped_lock lock(mutex_);
    cost_ = {};
    return use(false);
}

bool PageGuard::trying() const {
    const std::scoped_lock lock(mutex_);
    return cost_.trying();
}

WatchCost::Verdict PageGuard::after_write(std::uint64_t now) {
    const std::scoped_lock lock(mutex_);
    return cost_.trying() ? WatchCost::Verdict::KeepOn : cost_.after_write(now);
}

WatchCost::Verdict PageGuard::after_step(std::uint64_t now, bool wrote) {
    const std::scoped_lock lock(mutex_);
    return cost_.trying() ? cost_.after_step(now, wrote) : WatchCost::Verdict::KeepOn;
}

Result<void> PageGuard::try_stepping(std::uint64_t now) {
    const std::scoped_lock lock(mutex_);
    cost_.try_stepping(now);
    return use(false);
}

Result<std::string> PageGuard::protect_again(VcpuIndex vcpu, const x86::SystemRegisters& system) {
    for (VcpuIndex other; other.value < machine_.vcpu_count(); ++other.value) {
        const auto registers =
            other == vcpu ? system
                          : TRY(machine_.vcpu(other).call([](kvm::VcpuPort& port) { return port.system(); }));
        if (auto why = objection(registers); !why.empty())
            return why;
    }
    const std::scoped_lock lock(mutex_);
    cost_.protect();
    TRY(use(true));
    return std::string();
}

}  // namespace ringside::debug
