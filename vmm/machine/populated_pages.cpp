#include "vmm/machine/populated_pages.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "vmm/base/fd.h"
#include "vmm/machine/layout.h"

namespace ringside::machine {

namespace {

using layout::kPage;

// Documentation/admin-guide/mm/pagemap.rst: a word for each page of the process.
constexpr std::uint64_t kPresent = std::uint64_t{1} << 63;
constexpr std::uint64_t kSwapped = std::uint64_t{1} << 62;  // or being moved

// Calls `page` with each page's index and word. Returns false if the host does not say.
template <typename Each>
bool read_page_map(const MemoryRegion& region, Each each) {
    const Fd fd(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    const std::uint64_t first = reinterpret_cast<std::uintptr_t>(region.host()) / kPage;
    const std::uint64_t pages = region.size() / kPage;
    std::array<std::uint64_t, 8192> words{};
    for (std::uint64_t done = 0; done < pages;) {
        const std::size_t wanted = std::min<std::uint64_t>(words.size(), pages - done) * sizeof words[0];
        const ssize_t count =
            ::pread(fd.get(), words.data(), wanted, static_cast<off_t>((first + done) * sizeof words[0]));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < static_cast<ssize_t>(sizeof words[0]))
            return false;
        const std::size_t got = static_cast<std::size_t>(count) / sizeof words[0];
        for (std::size_t i = 0; i < got; ++i)
            each(done + i, words[i]);
        done += got;
    }
    return true;
}

}  // namespace

PopulatedPages::PopulatedPages(const MemoryRegion& region) {
    const auto add = [this](std::uint64_t page, std::uint64_t word) {
        if ((word & (kPresent | kSwapped)) == 0)
            return;
        if (runs_.empty() || runs_.back().end != page * kPage)
            runs_.push_back({page * kPage, page * kPage});
        runs_.back().end += kPage;
    };
    if (!region.lazily_allocated() || !read_page_map(region, add))
        runs_ = {{0, region.size()}};
}

std::optional<PopulatedPages::Run> PopulatedPages::next(std::uint64_t offset) const {
    const auto run = std::ranges::partition_point(runs_, [&](const Run& r) { return r.end <= offset; });
    if (run == runs_.end())
        return std::nullopt;
    return Run{std::max(run->start, offset), run->end};
}

}  // namespace ringside::machine
