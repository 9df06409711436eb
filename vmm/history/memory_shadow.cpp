#include "vmm/history/memory_shadow.h"

#include <algorithm>

#include "vmm/machine/dirty_pages.h"

namespace ringside::history {

using machine::kPageSize;

Result<MemoryShadow> MemoryShadow::create(const machine::GuestMemory& memory) {
    auto copy = TRY(snapshot::MemoryCopy::of(memory));
    return MemoryShadow(memory, std::move(copy));
}

void MemoryShadow::compare(Gpa page, DeltaWriter& out) {
    const auto before = copy_.at(page, kPageSize);
    if (!before.empty())
        out.memory(page, before, memory_->span(page, kPageSize));
}

bool MemoryShadow::differs(Gpa page) {
    const auto before = copy_.at(page, kPageSize);
    return !before.empty() && !std::ranges::equal(before, memory_->span(page, kPageSize));
}

void MemoryShadow::apply(const Delta& delta) {
    delta.for_each_run([this](Gpa gpa, std::span<const std::byte> bits) {
        const auto copy = copy_.at(gpa, bits.size());
        for (std::size_t i = 0; i < bits.size(); ++i)
            copy[i] ^= bits[i];
        std::ranges::copy(copy, memory_->span(gpa, bits.size()).begin());
        memory_->note_write(gpa, bits.size());
    });
}

}  // namespace ringside::history
