#include "vmm/machine/fw_cfg_items.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace ringside::machine {
namespace {

using Bytes = std::vector<std::byte>;

constexpr auto kDirectory = static_cast<std::uint16_t>(FwCfgKey::FileDirectory);
constexpr std::size_t kCountSize = 4;
constexpr std::size_t kEntrySize = 64;
constexpr std::size_t kNameOffset = 8;

Bytes bytes(std::size_t size) {
    return Bytes(size, std::byte{0x5a});
}

std::size_t size_of(const FwCfgItems& items, std::uint16_t key) {
    return items.find(key).size();
}

TEST(FwCfgItemsTest, AnUnknownKeyHasNothing) {
    EXPECT_TRUE(FwCfgItems().find(kDirectory).empty());
    EXPECT_TRUE(FwCfgItems().find_file("etc/e820").empty());
}

TEST(FwCfgItemsTest, TheDirectoryListsFilesInBigEndian) {
    FwCfgItems items;
    items.put_file("second", bytes(0x102));
    items.put_file("first", bytes(3));
    const auto directory = items.find(kDirectory);
    ASSERT_EQ(directory.size(), kCountSize + 2 * kEntrySize);
    EXPECT_EQ(Bytes(directory.begin(), directory.begin() + kCountSize),
              (Bytes{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{2}}));
    const auto entry = directory.subspan(kCountSize + kEntrySize, kEntrySize);
    EXPECT_STREQ(reinterpret_cast<const char*>(entry.data()) + kNameOffset, "second");
    EXPECT_EQ(entry[2], std::byte{0x01});
    EXPECT_EQ(entry[3], std::byte{0x02});
    const auto key = static_cast<std::uint16_t>(std::to_integer<unsigned>(entry[4]) << 8 |
                                                std::to_integer<unsigned>(entry[5]));
    EXPECT_EQ(size_of(items, key), 0x102U);
}

TEST(FwCfgItemsTest, AFilePutAgainKeepsItsPlace) {
    FwCfgItems items;
    items.put_file("file", bytes(1));
    items.put_file("file", bytes(2));
    EXPECT_EQ(items.find_file("file").size(), 2U);
    EXPECT_EQ(size_of(items, kDirectory), kCountSize + kEntrySize);
}

TEST(FwCfgItemsTest, RefusesNamesThatTheDirectoryCannotHold) {
    FwCfgItems items;
    items.put_file("", bytes(1));
    items.put_file(std::string(56, 'n'), bytes(1));
    EXPECT_EQ(size_of(items, kDirectory), 0U);
    items.put_file(std::string(55, 'n'), bytes(1));
    EXPECT_EQ(size_of(items, kDirectory), kCountSize + kEntrySize);
}

}  // namespace
}  // namespace ringside::machine
