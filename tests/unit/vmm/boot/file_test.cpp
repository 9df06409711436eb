#include "vmm/boot/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "vmm/boot/boot_image.h"

namespace ringside::boot {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class FileTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "ringside-boot-XXXXXX").string();
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        folder = pattern;
    }
    void TearDown() override { fs::remove_all(folder); }

    fs::path file(const std::string& name, const std::string& contents) {
        std::ofstream(folder / name, std::ios::binary) << contents;
        return folder / name;
    }
    static std::string error_of(const fs::path& path) {
        const auto bytes = read_file(path);
        EXPECT_FALSE(bytes);
        return bytes ? "" : bytes.error().message();
    }

    fs::path folder;
};

TEST_F(FileTest, ReadsAllBytes) {
    const auto bytes = read_file(file("kernel", std::string(100'000, 'k')));
    ASSERT_TRUE(bytes);
    EXPECT_EQ(bytes->size(), 100'000U);
    EXPECT_THAT(*bytes, testing::Each(std::byte{'k'}));
}

TEST_F(FileTest, NamesAFileThatIsNotThere) {
    const fs::path path = folder / "missing";
    EXPECT_EQ(error_of(path), "load " + path.string() + ": No such file or directory. Check the path");
}

TEST_F(FileTest, RefusesADirectory) {
    EXPECT_THAT(error_of(folder), HasSubstr("it is a directory, not a file"));
}

TEST_F(FileTest, RefusesAnEmptyFile) {
    EXPECT_THAT(error_of(file("empty", "")), HasSubstr("the file is empty"));
}

TEST_F(FileTest, RefusesAFifoWithoutWaitingForAWriter) {
    const fs::path path = folder / "fifo";
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    EXPECT_THAT(error_of(path), HasSubstr("it is a FIFO"));
}

TEST_F(FileTest, RefusesADevice) {
    EXPECT_THAT(error_of("/dev/zero"), HasSubstr("it is a device"));
}

TEST_F(FileTest, RefusesAFileThatIsTooLarge) {
    const fs::path path = file("huge", "x");
    fs::resize_file(path, kMaximumFileSize + 1);  // sparse
    EXPECT_THAT(error_of(path), HasSubstr("2147483649 bytes are more than"));
}

TEST_F(FileTest, SaysSoWithoutPermission) {
    if (geteuid() == 0)
        GTEST_SKIP() << "root may read everything";
    const fs::path path = file("secret", "x");
    fs::permissions(path, fs::perms::none);
    EXPECT_THAT(error_of(path), HasSubstr("Permission denied. Make the file readable"));
}

TEST_F(FileTest, LoadNamesTheInitrdThatIsMissing) {
    auto memory = machine::GuestMemory::create(std::uint64_t{1} << 20);
    ASSERT_TRUE(memory);
    BootRequest request{.kernel = file("kernel", "\xf4"),
                        .modules = {{folder / "initrd", folder / "initrd"}}};
    const auto missing = load(request, *memory);
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message(), HasSubstr("initrd: No such file"));
    file("initrd", "data");
    EXPECT_TRUE(load(request, *memory));
}

}  // namespace
}  // namespace ringside::boot
