#include "vmm/debug/target/snapshots.h"

#include <fmt/format.h>

#include "vmm/debug/target/non_stop_access.h"
#include "vmm/snapshot/snapshot_file.h"

namespace ringside::debug {

namespace {

constexpr const char* kOperation = "snapshot";

}  // namespace

Result<void> Snapshots::stopped() const {
    if (debugger_.stop_token() == nullptr || debugger_.time_travel().travelling())
        return failure(kOperation, "the guest is running", "Interrupt it first");
    return check_all_stop(debugger_.guest().stops(), kOperation);
}

Result<const snapshot::Snapshot*> Snapshots::save(std::string_view name) {
    if (name.empty() || name.size() > kLongestName)
        return failure(kOperation, fmt::format("a name has at most {} characters", kLongestName));
    if (list_.size() >= kMost && !list_.contains(name))
        return failure(kOperation, fmt::format("there are {} already", kMost),
                       "`monitor snapshot delete` makes room");
    auto taken = TRY(without_breakpoints([this] { return snapshot::take(debugger_.machine()); }));
    list_.erase(std::string(name));
    return &list_.emplace(name, std::move(taken)).first->second;
}

Result<void> Snapshots::load(const std::string& file) {
    auto loaded = TRY(snapshot::read_file(file, debugger_.machine()));
    list_.erase(file);
    list_.emplace(file, std::move(loaded));
    return {};
}

Result<std::uint64_t> Snapshots::restore(std::string_view name) {
    const auto* wanted = TRY(find(name));
    auto pages = TRY(without_breakpoints([&] { return snapshot::restore(debugger_.machine(), *wanted); }));
    debugger_.restored();
    return pages;
}

Result<void> Snapshots::remove(std::string_view name) {
    TRY(find(name));
    list_.erase(list_.find(name));
    return {};
}

Result<const snapshot::Snapshot*> Snapshots::find(std::string_view name) const {
    const auto found = list_.find(name);
    if (found == list_.end())
        return failure(kOperation, fmt::format("there is none with the name \"{}\"", name),
                       "`monitor snapshot list` names them");
    return &found->second;
}

}  // namespace ringside::debug
