#include "vmm/machine/write_protection.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "vmm/machine/layout.h"

namespace ringside::machine {

namespace {

using layout::kPage;

constexpr const char* kOperation = "write-protect pages of the guest";

Result<Fd> make_file(std::size_t pages) {
    Fd file(::memfd_create("ringside-watched-pages", MFD_CLOEXEC));
    if (!file || ::ftruncate(file.get(), static_cast<off_t>(pages * kPage)) != 0)
        return errno_failure(kOperation, errno);
    return file;
}

// Puts a mapping over a page of guest memory, with the same contents. The file's pages are present and locked: a page that is
// reclaimed would look untouched (PopulatedPages). Sanitizers make mlock() do nothing.
Result<void> remap(std::span<std::byte> page, const Fd* file, std::size_t index) {
    std::array<std::byte, kPage> contents;
    std::ranges::copy(page, contents.begin());
    if (file != nullptr && ::pwrite(file->get(), contents.data(), kPage, static_cast<off_t>(index * kPage)) !=
                               static_cast<ssize_t>(kPage))
        return errno_failure(kOperation, errno);
    const int flags = MAP_FIXED | (file != nullptr ? MAP_SHARED | MAP_POPULATE
                                                   : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
    const off_t offset = file != nullptr ? static_cast<off_t>(index * kPage) : 0;
    if (::mmap(page.data(), kPage, PROT_READ | PROT_WRITE, flags, file != nullptr ? file->get() : -1,
               offset) == MAP_FAILED)
        return errno_failure(kOperation, errno);
    if (file == nullptr)
        std::ranges::copy(contents, page.begin());
    else if (::mlock(page.data(), kPage) != 0)
        return errno_failure(kOperation, errno);
    return {};
}

}  // namespace

bool WriteProtection::can_protect(Gpa page) const {
    const auto region = std::ranges::find_if(
        memory_.regions(), [page](const MemoryRegion& r) { return page >= r.start() && page < r.end(); });
    return region != memory_.regions().end() && !region->read_only() && region->lazily_allocated();
}

Result<void> WriteProtection::set(std::span<const Gpa> pages) {
    if (!std::ranges::equal(pages, pages_)) {
        closed_.store(false, std::memory_order_release);
        pages_.clear();
        TRY(replace(pages));
        pages_.assign(pages.begin(), pages.end());
    }
    return close();
}

Result<void> WriteProtection::make_writable(bool writable) {
    const bool close = !writable && !pages_.empty();
    if (close == closed())
        return {};
    TRY(map_writable(!close));
    closed_.store(close, std::memory_order_release);
    return {};
}

void WriteProtection::forget() {
    drop();
    pages_.clear();
    closed_.store(false, std::memory_order_release);
}

Result<void> KvmWriteProtection::replace(std::span<const Gpa> pages) {
    TRY(put_back());
    if (pages.empty())
        return {};
    auto moved = move_to_file(pages);
    if (!moved)
        TRY(put_back());
    return moved;
}

// KVM first: it must not use a mapping that goes away.
Result<void> KvmWriteProtection::put_back() {
    if (moved_.empty())
        return {};
    dirty_.about_to_forget();
    TRY(slots_.set_apart({}));
    for (; !moved_.empty(); moved_.pop_back())
        TRY(remap(memory().span(moved_.back(), kPage), nullptr, 0));
    guests_ = Mapping();
    return {};
}

Result<void> KvmWriteProtection::move_to_file(std::span<const Gpa> pages) {
    const auto file = TRY(make_file(pages.size()));
    for (const Gpa page : pages) {
        moved_.push_back(page);
        TRY(remap(memory().span(page, kPage), &file, moved_.size() - 1));
    }
    const std::size_t size = pages.size() * kPage;
    void* const mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (mapped == MAP_FAILED)
        return errno_failure(kOperation, errno);
    guests_ = Mapping(mapped, size);
    std::vector<ApartPage> apart;
    for (const Gpa page : pages)
        apart.push_back({page, static_cast<std::byte*>(mapped) + apart.size() * kPage});
    dirty_.about_to_forget();
    return slots_.set_apart(apart);
}

Result<void> KvmWriteProtection::map_writable(bool writable) {
    if (::mprotect(guests_.get(), guests_.size(), writable ? PROT_READ | PROT_WRITE : PROT_READ) != 0)
        return errno_failure(kOperation, errno);
    return {};
}

void KvmWriteProtection::drop() {
    moved_.clear();
    guests_ = Mapping();
}

}  // namespace ringside::machine
