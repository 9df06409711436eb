#include "vmm/debug/monitor/map_commands.h"

#include <fmt/format.h>

#include "vmm/debug/guest/registers_now.h"
#include "vmm/debug/monitor/arguments.h"

namespace ringside::debug {

namespace {

// More lines than anybody reads, and few enough for a client to take.
constexpr std::size_t kMostLines = 200'000;
constexpr std::size_t kMostMappings = 10'000;
constexpr const char* kPagingIsOff = "PG disabled\n";  // QEMU's words

bool pages(const RegistersNow& now) {
    return x86::paging_mode(x86::paging_state(now.system)) != x86::PagingMode::None;
}

std::string letters(const x86::PagePermissions& p) {
    return fmt::format("r{}{}{}", p.writable ? 'w' : '-', p.executable ? 'x' : '-', p.user ? 'u' : '-');
}

// ---- vmmap

Result<Answer> vmmap(Inspected& guest, const Arguments& arguments) {
    std::optional<std::uint64_t> only;
    if (!arguments.words.empty()) {
        only = parse_number(arguments.words.front());
        if (!only)
            return failure("vmmap", fmt::format("\"{}\" is not an address", arguments.words.front()));
    }
    auto now = TRY(guest.registers_now(arguments.vcpu));
    if (!pages(now))
        return Answer().note("Paging is off: linear addresses are physical ones (see monitor mtree).");
    const x86::PageMap map = guest.view().page_map(now.system);
    std::vector<std::vector<Cell>> rows;
    for (const x86::MappedRun& run : map.runs) {
        if (!only || *only - run.start < run.size)
            rows.push_back({hex(run.start), hex(run.start + run.size - 1), hex(run.size),
                            words(letters(run.permissions))});
    }
    if (only && rows.empty())
        return failure("vmmap", fmt::format("0x{:x} is not mapped under CR3 0x{:x}", *only, now.system.cr3),
                       "`monitor translate` shows where the walk ends");
    Answer answer;
    answer.value("cr3", hex(now.system.cr3))
        .table("ranges", {"first", "last", "size", "access"}, std::move(rows));
    if (!map.complete)
        answer.note("Not all ranges are shown.");
    return answer;
}

// ---- In QEMU's form

// Runs that differ only in what QEMU does not show, execution, are one.
std::string qemu_ranges(const x86::PageMap& map) {
    std::string text;
    for (std::size_t i = 0; i < map.runs.size();) {
        const x86::MappedRun& first = map.runs[i];
        std::uint64_t size = 0;
        while (i < map.runs.size() && map.runs[i].start == first.start + size &&
               map.runs[i].permissions.user == first.permissions.user &&
               map.runs[i].permissions.writable == first.permissions.writable)
            size += map.runs[i++].size;
        text += fmt::format("{:016x}-{:016x} {:016x} {}r{}\n", first.start, first.start + size, size,
                            first.permissions.user ? 'u' : '-', first.permissions.writable ? 'w' : '-');
    }
    return text;
}

Result<std::string> info_mem(Inspected& guest, const Arguments& arguments) {
    auto now = TRY(guest.registers_now(arguments.vcpu));
    return pages(now) ? qemu_ranges(guest.view().page_map(now.system)) : kPagingIsOff;
}

// "X", "G", ... for the bits of an entry, the highest first.
std::string entry_letters(const x86::MappedPage& page) {
    struct Letter {
        char letter;
        unsigned bit;
    };
    constexpr Letter kLetters[] = {{'X', 63}, {'G', 8}, {'P', 7}, {'D', 6}, {'A', 5},
                                   {'C', 4},  {'T', 3}, {'U', 2}, {'W', 1}};
    std::string text;
    for (const auto& [letter, bit] : kLetters) {
        // In the lowest table bit 7 is PAT's, not the page size's.
        const bool set = (page.entry >> bit & 1) != 0 && !(letter == 'P' && page.level == 1);
        text += set ? letter : '-';
    }
    return text;
}

Result<std::string> info_tlb(Inspected& guest, const Arguments& arguments) {
    auto now = TRY(guest.registers_now(arguments.vcpu));
    if (!pages(now))
        return kPagingIsOff;
    std::string text;
    std::size_t lines = 0;
    const bool all = guest.view().for_each_page(now.system, [&](const x86::MappedPage& page) {
        text += fmt::format("{:016x}: {:016x} {}\n", page.gva.value, page.gpa.value, entry_letters(page));
        return ++lines < kMostLines;
    });
    if (!all)
        text += fmt::format("(The first {} pages. monitor vmmap shows the rest in ranges.)\n", kMostLines);
    return text;
}

// ---- find-phys

Result<Answer> find_phys(Inspected& guest, const Arguments& arguments) {
    const auto gpa = arguments.words.empty() ? std::nullopt : parse_number(arguments.words.front());
    if (!gpa)
        return failure("find-phys", "it needs a guest-physical address",
                       "For example: monitor find-phys 0x1000");
    std::vector<std::vector<Cell>> rows;
    for (std::uint32_t i = 0; i < guest.vcpu_count(); ++i) {
        auto now = TRY(guest.registers_now(VcpuIndex{i}));
        for (const x86::MappedPage& page : guest.view().find_mappings(now.system, Gpa{*gpa}, kMostMappings))
            rows.push_back({number(i), hex(page.gva.value + (*gpa - page.gpa.value)), hex(page.size),
                            words(letters(page.permissions)), hex(now.system.cr3)});
    }
    const bool cut = rows.size() >= kMostMappings;
    Answer answer;
    answer.table("mappings", {"vcpu", "address", "page size", "access", "cr3"}, std::move(rows));
    if (cut)
        answer.note("Not all may be shown.");
    return answer.note("Only the address spaces that the vCPUs use now were searched.");
}

}  // namespace

void add_map_commands(MonitorRegistry& registry, Inspected& guest) {
    add_answering(registry, guest,
                  {"vmmap", "[ADDRESS]", "what a vCPU's page tables map, in ranges of equal permissions", 1,
                   [&](const Arguments& arguments) { return vmmap(guest, arguments); }});
    add_text(registry, guest, {"info mem", "", "the same in QEMU's form", 0, [&](const Arguments& arguments) {
                                   return info_mem(guest, arguments);
                               }});
    add_text(registry, guest,
             {"info tlb", "", "every mapped page with its entry's bits, in QEMU's form", 0,
              [&](const Arguments& arguments) { return info_tlb(guest, arguments); }});
    add_answering(registry, guest,
                  {"find-phys", "GPA", "the virtual addresses at which the vCPUs map a physical address", 1,
                   [&](const Arguments& arguments) { return find_phys(guest, arguments); }});
}

}  // namespace ringside::debug
