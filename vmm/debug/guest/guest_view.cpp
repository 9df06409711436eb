#include "vmm/debug/guest/guest_view.h"

#include <algorithm>
#include <vector>

#include "vmm/debug/guest/entry_source.h"

namespace ringside::debug {

namespace {

std::string hex(std::uint64_t value) {
    char text[20];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
}

tl::unexpected<Error> cannot_read(const machine::GuestMemory& memory, Gpa gpa) {
    return failure("access guest-physical " + hex(gpa.value),
                   memory.contains(gpa, 1) ? "the file that has this memory cannot be read there any more"
                                           : "there is no RAM or ROM at this address");
}

// Why a debugger's write there is not possible; nullopt if it is. (A breakpoint in a ROM is planted in its host
// memory; this is not a write by the client.)
std::optional<tl::unexpected<Error>> refusal_to_write(const machine::GuestMemory& memory, Gpa gpa) {
    for (const machine::MemoryRegion& region : memory.regions()) {
        if (gpa >= region.start() && gpa < region.end())
            return region.read_only() ? std::optional(failure("write guest-physical " + hex(gpa.value),
                                                              "this is the firmware's ROM",
                                                              "Change the file that --firmware names"))
                                      : std::nullopt;
    }
    return failure("write guest-physical " + hex(gpa.value),
                   "there is no RAM at this address: a device's registers, or nothing at all");
}

// Bytes from `gva` to the end of its page.
std::uint64_t rest_of_page(const x86::Translation& t) {
    return t.page_size - (t.gpa.value & (t.page_size - 1));
}

}  // namespace

tl::expected<x86::Translation, x86::WalkFailure> GuestView::translate(const x86::SystemRegisters& system,
                                                                      Gva gva) const {
    EntrySource source{memory_};
    return x86::translate(system, physical_address_bits_, gva, source);
}

Result<std::size_t> GuestView::read_physical(Gpa gpa, std::span<std::byte> out) const {
    std::size_t done = 0;
    while (done < out.size()) {
        const std::size_t count = memory_.copy_prefix(gpa + done, out.subspan(done));
        if (count == 0)
            break;
        planted_.hide(gpa + done, out.subspan(done, count));
        done += count;
    }
    if (done == 0 && !out.empty())
        return cannot_read(memory_, gpa);
    return done;
}

Result<std::size_t> GuestView::read(const x86::SystemRegisters& system, Gva gva,
                                    std::span<std::byte> out) const {
    std::size_t done = 0;
    while (done < out.size()) {
        const auto page = translate(system, gva + done);
        if (!page) {
            if (done == 0)
                return failure("read guest memory", x86::describe(page.error()));
            break;
        }
        const auto length = std::min<std::uint64_t>(out.size() - done, rest_of_page(*page));
        auto count = read_physical(page->gpa, out.subspan(done, length));
        if (!count) {
            if (done == 0)
                return count;
            break;
        }
        done += *count;
        if (*count < length)
            break;
    }
    return done;
}

std::optional<std::uint64_t> GuestView::load(const x86::SystemRegisters& system, Gva gva,
                                             std::size_t size) const {
    std::uint64_t value = 0;
    const auto count = read(system, gva, std::as_writable_bytes(std::span(&value, 1)).first(size));
    return count && *count == size ? std::optional(value) : std::nullopt;
}

Result<void> GuestView::write_physical(Gpa gpa, std::span<const std::byte> data) {
    for (std::size_t done = 0; done < data.size();) {
        const auto there = memory_.prefix(gpa + done, data.size() - done);
        if (auto refusal = refusal_to_write(memory_, gpa + done))
            return *refusal;
        done += there.size();
    }
    while (!data.empty()) {
        const auto place = memory_.prefix(gpa, data.size());
        planted_.write(gpa, place, data.first(place.size()), machine::WrittenBy::Client);
        memory_.note_write(gpa, place.size());
        data = data.subspan(place.size());
        gpa = gpa + place.size();
    }
    return {};
}

Result<void> GuestView::write(const x86::SystemRegisters& system, Gva gva, std::span<const std::byte> data) {
    struct Piece {
        Gpa gpa;
        std::span<const std::byte> data;
    };
    std::vector<Piece> pieces;  // all are found before any is written
    for (std::size_t done = 0; done < data.size();) {
        const auto page = translate(system, gva + done);
        if (!page)
            return failure("write guest memory", x86::describe(page.error()));
        const auto length = std::min<std::uint64_t>(data.size() - done, rest_of_page(*page));
        for (std::uint64_t checked = 0; checked < length;) {
            const auto there = memory_.prefix(page->gpa + checked, length - checked);
            if (auto refusal = refusal_to_write(memory_, page->gpa + checked))
                return *refusal;
            checked += there.size();
        }
        pieces.push_back({page->gpa, data.subspan(done, length)});
        done += length;
    }
    for (const Piece& piece : pieces) {
        TRY(write_physical(piece.gpa, piece.data));
    }
    return {};
}

x86::AddressRange GuestView::region(const x86::SystemRegisters& system, Gva gva) const {
    EntrySource l1_memory{memory_};
    return x86::region(paging(system), gva, x86::LevelMemory{system, l1_memory, physical_address_bits_});
}

x86::PageMap GuestView::page_map(const x86::SystemRegisters& system) const {
    EntrySource source{memory_};
    return x86::page_map(paging(system), source);
}

bool GuestView::for_each_page(const x86::SystemRegisters& system,
                              const std::function<bool(const x86::MappedPage&)>& visit) const {
    EntrySource source{memory_};
    return x86::for_each_page(paging(system), source, visit);
}

std::vector<x86::MappedPage> GuestView::find_mappings(const x86::SystemRegisters& system, Gpa gpa,
                                                      std::size_t most) const {
    EntrySource source{memory_};
    return x86::find_mappings(paging(system), source, gpa, most);
}

std::size_t GuestView::fetch(const x86::SystemRegisters& system, Gva gva, std::span<std::byte> out) const {
    return read(system, gva, out).value_or(0);
}

}  // namespace ringside::debug
