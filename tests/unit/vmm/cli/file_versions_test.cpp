#include "vmm/cli/file_versions.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>

namespace ringside::cli {
namespace {

class FileVersionsTest : public ::testing::Test {
  protected:
    FileVersionsTest() { std::filesystem::create_directories(folder_); }
    ~FileVersionsTest() override { std::filesystem::remove_all(folder_); }

    static void write(const std::filesystem::path& path, const std::string& text) {
        std::ofstream(path) << text;
    }

    const std::filesystem::path folder_ =
        std::filesystem::path(::testing::TempDir()) / ("file_versions_" + std::to_string(::getpid()));
    const std::filesystem::path kernel_ = folder_ / "kernel", initrd_ = folder_ / "initrd";
};

TEST_F(FileVersionsTest, FilesThatNobodyTouchesAreUnchanged) {
    write(kernel_, "one");
    EXPECT_FALSE(FileVersions({kernel_, initrd_, ""}).changed());
    EXPECT_FALSE(FileVersions({}).changed());
}

TEST_F(FileVersionsTest, AnyFileThatIsWrittenToIsAChange) {
    write(kernel_, "one");
    write(initrd_, "one");
    const FileVersions versions({kernel_, initrd_});
    write(initrd_, "another");
    EXPECT_TRUE(versions.changed());
}

// A build may write the same number of bytes.
TEST_F(FileVersionsTest, TheTimeOfTheLastWriteCounts) {
    write(kernel_, "one");
    const FileVersions versions({kernel_});
    std::filesystem::last_write_time(kernel_,
                                     std::filesystem::last_write_time(kernel_) + std::chrono::nanoseconds(1));
    EXPECT_TRUE(versions.changed());
}

TEST_F(FileVersionsTest, AFileInAnothersPlaceIsAChange) {
    write(kernel_, "one");
    write(initrd_, "two");
    std::filesystem::last_write_time(initrd_, std::filesystem::last_write_time(kernel_));
    const FileVersions versions({kernel_});
    std::filesystem::rename(initrd_, kernel_);
    EXPECT_TRUE(versions.changed());
}

TEST_F(FileVersionsTest, ComingAndGoingAreChanges) {
    const FileVersions without({kernel_});
    write(kernel_, "one");
    EXPECT_TRUE(without.changed());
    const FileVersions with({kernel_});
    std::filesystem::remove(kernel_);
    EXPECT_TRUE(with.changed());
}

}  // namespace
}  // namespace ringside::cli
