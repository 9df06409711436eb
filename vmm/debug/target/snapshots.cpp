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
    if (list().size() >= kMost && store_.find(name) == nullptr)
        return failure(kOperation, fmt::format("there are {} already", kMost),
                       "`monitor snapshot delete` makes room");
    return without_breakpoints([&] { return store_.save(name); });
}

Result<void> Snapshots::load(const std::string& file) {
    auto loaded = TRY(snapshot::read_file(file, debugger_.machine()));
    store_.add(file, std::move(loaded));
    return {};
}

Result<std::uint64_t> Snapshots::restore(std::string_view name) {
    TRY(find(name));
    auto pages = TRY(without_breakpoints([&] { return store_.restore(name); }));
    debugger_.restored();
    return pages;
}

Result<void> Snapshots::remove(std::string_view name) {
    TRY(find(name));
    store_.remove(name);
    if (stopped())
        store_.watch();
    return {};
}

Result<std::vector<Gpa>> Snapshots::differences(std::string_view name) {
    TRY(find(name));
    return without_breakpoints([&]() -> Result<std::vector<Gpa>> {
        std::vector<Gpa> pages;
        store_.for_each_difference(name, [&pages](Gpa page) { pages.push_back(page); });
        return pages;
    });
}

Result<const snapshot::Snapshot*> Snapshots::find(std::string_view name) const {
    const auto* found = store_.find(name);
    if (found == nullptr)
        return failure(kOperation, fmt::format("there is none with the name \"{}\"", name),
                       "`monitor snapshot list` names them");
    return found;
}

}  // namespace ringside::debug
