#include "vmm/debug/dump/vmcore.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "vmm/base/fd.h"
#include "vmm/base/output_file.h"
#include "vmm/debug/dump/notes.h"
#include "vmm/debug/dump/segments.h"
#include "vmm/machine/page_set.h"
#include "vmm/machine/populated_pages.h"

namespace ringside::debug {

namespace {

constexpr std::size_t kChunk = 1U << 20;
// e_phnum has 16 bits, and PN_XNUM (0xffff) is not for everybody. Unmapped memory needs headers too.
constexpr std::size_t kMostSegments = 60'000;

class CoreFile {
  public:
    CoreFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

    Result<void> write(std::uint64_t offset, std::span<const std::byte> data) {
        while (!data.empty()) {
            const ssize_t done = ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset));
            if (done < 0 && errno == EINTR)
                continue;
            if (done < 0)
                return errno_failure("write " + path_, errno);
            data = data.subspan(static_cast<std::size_t>(done));
            offset += static_cast<std::uint64_t>(done);
        }
        return {};
    }
    Result<void> set_size(std::uint64_t size) {
        if (::ftruncate(fd_.get(), static_cast<off_t>(size)) < 0)
            return errno_failure("write " + path_, errno);
        return {};
    }

  private:
    std::string path_;
    Fd fd_;
};

bool is_zero(std::span<const std::byte> page) {
    static constexpr std::array<std::byte, machine::kPageSize> kZeros{};
    return std::memcmp(page.data(), kZeros.data(), page.size()) == 0;
}

// Writes the pages that are not zero, neighbours together. Returns how many bytes they are.
Result<std::uint64_t> write_pages(CoreFile& file, std::uint64_t offset, std::span<const std::byte> bytes) {
    std::uint64_t written = 0;
    for (std::size_t start = 0; start < bytes.size();) {
        std::size_t end = start;
        while (end < bytes.size() && !is_zero(bytes.subspan(end, machine::kPageSize)))
            end += machine::kPageSize;
        if (end > start)
            TRY(file.write(offset + start, bytes.subspan(start, end - start)));
        written += end - start;
        start = end + machine::kPageSize;
    }
    return written;
}

Result<std::uint64_t> write_memory(CoreFile& file, std::uint64_t offset, const GuestView& view,
                                   const std::function<void(std::uint64_t done)>& progress) {
    std::uint64_t written = 0, before = 0;  // before: the bytes of the regions that are done
    Bytes buffer(kChunk);
    for (const machine::MemoryRegion& region : view.memory().regions()) {
        const machine::PopulatedPages populated(region);
        std::uint64_t done = 0;
        while (const auto run = populated.next(done)) {
            const auto chunk = std::span(buffer).first(std::min<std::uint64_t>(kChunk, run->size()));
            auto count = TRY(view.read_physical(region.start() + run->start, chunk));
            auto bytes = TRY(write_pages(file, offset + run->start, chunk.first(count)));
            written += bytes;
            done = run->start + count;
            progress(before + done);
        }
        offset += region.size();
        before += region.size();
        if (done < region.size())
            progress(before);
    }
    return written;
}

Bytes notes_of(const Vmcore& core, const GuestView& view, VmcoreSummary& summary) {
    Bytes notes;
    const auto add = [&notes](const Bytes& note) { notes.insert(notes.end(), note.begin(), note.end()); };
    for (std::uint32_t i = 0; i < core.vcpus.size(); ++i)
        add(prstatus_note(i + 1, core.vcpus[i]));
    for (const x86::CpuState& state : core.vcpus)
        add(qemu_note(state));
    for (const Bytes& note : core.register_notes)
        add(note);
    if (const auto found = find_vmcoreinfo(view, core.vcpus.at(core.mapped_by).system, core.vmcoreinfo)) {
        summary.vmcoreinfo = true;
        add(found->note);
    }
    return notes;
}

Result<VmcoreSummary> write(CoreFile& file, const Vmcore& core, const GuestView& view,
                            const DumpProgress& progress) {
    VmcoreSummary summary;
    std::vector<PhysicalRange> memory;
    for (const machine::MemoryRegion& region : view.memory().regions()) {
        memory.push_back({region.start().value, region.size()});
        summary.memory += region.size();
    }
    SegmentList list(memory, kMostSegments);
    const x86::SystemRegisters system = view.kernel_tables(core.vcpus.at(core.mapped_by).system);
    summary.all_mappings =
        view.for_each_page(system, [&](const x86::MappedPage& page) { return list.add(page); });
    const auto segments = std::move(list).finish();
    summary.segments = segments.size();
    if (segments.size() >= 0xffff)
        return failure("dump",
                       "the guest's memory is mapped in more pieces than an ELF file has headers for");
    const CoreHeader header = core_header(segments, memory, notes_of(core, view, summary));
    TRY(file.write(0, header.bytes));
    auto written = TRY(write_memory(file, header.memory_offset, view, [&](std::uint64_t done) {
        if (progress)
            progress(done, summary.memory);
    }));
    summary.written = written;
    TRY(file.set_size(header.memory_offset + summary.memory));
    return summary;
}

}  // namespace

Result<VmcoreSummary> write_vmcore(const std::string& path, const Vmcore& core, const GuestView& view,
                                   const DumpProgress& progress) {
    TRY(check_output_file(path));
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno_failure("create " + path, errno);
    CoreFile file(path, fd);
    auto summary = write(file, core, view, progress);
    if (!summary)
        (void)::unlink(path.c_str());
    return summary;
}

}  // namespace ringside::debug
