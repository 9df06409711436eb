#include "vmm/history/delta.h"

#include <algorithm>

namespace ringside::history {

namespace {

using Index = std::uint16_t;
constexpr std::size_t kWordEntry = sizeof(Index) + sizeof(std::uint64_t);
constexpr std::size_t kWord = sizeof(std::uint64_t);

std::uint64_t load(const std::byte* at) {
    std::uint64_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
}

}  // namespace

void DeltaWriter::begin(VcpuIndex vcpu) {
    header_ = {};
    header_.vcpu = static_cast<std::uint16_t>(vcpu.value);
    bytes_.clear();
    put(header_);
}

void DeltaWriter::words(std::span<std::byte> before, std::span<const std::byte> after, std::size_t offset,
                        std::size_t size) {
    for (std::size_t i = offset / kWord; i < (offset + size) / kWord; ++i) {
        const std::uint64_t was = load(before.data() + i * kWord), is = load(after.data() + i * kWord);
        if (was == is)
            continue;
        put(static_cast<Index>(i));
        put(was ^ is);
        std::memcpy(before.data() + i * kWord, &is, kWord);
        ++header_.words;
    }
}

// Words that differ make a run; one equal word between them is cheaper than the header of another run.
void DeltaWriter::memory(Gpa gpa, std::span<std::byte> before, std::span<const std::byte> after) {
    const std::size_t words = after.size() / kWord;
    const auto differs = [&](std::size_t i) {
        return load(before.data() + i * kWord) != load(after.data() + i * kWord);
    };
    for (std::size_t first = 0; first < words; ++first) {
        if (!differs(first))
            continue;
        std::size_t last = first;
        for (std::size_t i = first + 1; i < words && i <= last + 2; ++i) {
            if (differs(i))
                last = i;
        }
        const std::size_t size = (last - first + 1) * kWord;
        run(gpa + first * kWord, before.subspan(first * kWord, size), after.subspan(first * kWord, size));
        first = last;
    }
}

// A run begins and ends with a byte that differs.
void DeltaWriter::run(Gpa gpa, std::span<std::byte> before, std::span<const std::byte> after) {
    std::size_t first = 0, end = after.size();
    while (before[first] == after[first])
        ++first;
    while (before[end - 1] == after[end - 1])
        --end;
    put(gpa.value + first);
    put(static_cast<std::uint16_t>(end - first));
    for (std::size_t i = first; i < end; ++i) {
        put(before[i] ^ after[i]);
        before[i] = after[i];
    }
    ++header_.runs;
}

std::span<const std::byte> DeltaWriter::finish() {
    std::memcpy(bytes_.data(), &header_, sizeof header_);
    return bytes_;
}

Delta::Delta(std::span<const std::byte> record)
    : header_(take<DeltaHeader>(record)),
      words_(record.first(header_.words * kWordEntry)),
      runs_(record.subspan(header_.words * kWordEntry)) {}

bool Delta::changes_word(std::size_t index) const {
    auto rest = words_;
    for (std::uint32_t i = 0; i < header_.words; ++i) {
        if (take<Index>(rest) == index)
            return true;
        rest = rest.subspan(kWord);
    }
    return false;
}

void Delta::apply_words(std::span<std::byte> image) const {
    auto rest = words_;
    for (std::uint32_t i = 0; i < header_.words; ++i) {
        std::byte* word = image.data() + take<Index>(rest) * kWord;
        const std::uint64_t value = load(word) ^ take<std::uint64_t>(rest);
        std::memcpy(word, &value, kWord);
    }
}

}  // namespace ringside::history
