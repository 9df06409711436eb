#include "vmm/machine/fw_cfg_items.h"

#include <cstring>
#include <utility>

namespace ringside::machine {

namespace {

constexpr std::size_t kNameSize = 56;  // the final NUL counted

// One entry of the directory. Its integers are big-endian.
struct DirectoryEntry {
    std::uint32_t size = 0;
    std::uint16_t key = 0;
    std::uint16_t reserved = 0;
    char name[kNameSize] = {};
};
static_assert(sizeof(DirectoryEntry) == 64);

template <typename T>
void append(std::vector<std::byte>& bytes, const T& value) {
    const auto view = std::as_bytes(std::span(&value, 1));
    bytes.insert(bytes.end(), view.begin(), view.end());
}

}  // namespace

void FwCfgItems::put(FwCfgKey key, std::vector<std::byte> bytes) {
    items_[static_cast<std::uint16_t>(key)] = std::move(bytes);
}

std::uint16_t FwCfgItems::put_file(std::string_view name, std::vector<std::byte> bytes) {
    if (name.empty() || name.size() >= kNameSize)
        return 0;
    const auto [file, is_new] = files_.try_emplace(std::string(name), next_file_);
    next_file_ = static_cast<std::uint16_t>(next_file_ + (is_new ? 1 : 0));
    const std::uint16_t added = file->second;
    items_[added] = std::move(bytes);

    std::vector<std::byte> directory;
    append(directory, __builtin_bswap32(static_cast<std::uint32_t>(files_.size())));
    for (const auto& [listed, key] : files_) {
        DirectoryEntry entry;
        entry.size = __builtin_bswap32(static_cast<std::uint32_t>(items_[key].size()));
        entry.key = __builtin_bswap16(key);
        std::memcpy(entry.name, listed.data(), listed.size());
        append(directory, entry);
    }
    put(FwCfgKey::FileDirectory, std::move(directory));
    return added;
}

std::span<const std::byte> FwCfgItems::find(std::uint16_t key) const {
    const auto item = items_.find(key);
    return item == items_.end() ? std::span<const std::byte>() : item->second;
}

std::span<const std::byte> FwCfgItems::find_file(std::string_view name) const {
    const auto file = files_.find(name);
    return file == files_.end() ? std::span<const std::byte>() : find(file->second);
}

}  // namespace ringside::machine
