#include "vmm/machine/memory_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "vmm/machine/layout.h"

namespace ringside::machine {
namespace {

namespace fs = std::filesystem;
using layout::kMiB;
using testing::HasSubstr;

class MemoryFileTest : public testing::Test {
  protected:
    MemoryFileTest() {
        folder = (fs::temp_directory_path() / "ringside-memory-XXXXXX").string();
        EXPECT_NE(::mkdtemp(folder.data()), nullptr);
        path = folder + "/ram";
    }
    ~MemoryFileTest() override { fs::remove_all(folder); }

    std::string refusal() const {
        const auto file = MemoryFile::create(path);
        return file ? "" : file.error().message();
    }
    char byte_at(std::streamoff offset) const {
        std::ifstream file(path, std::ios::binary);
        return static_cast<char>(file.seekg(offset).get());
    }
    std::ptrdiff_t files() const {
        return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
    }

    std::string folder, path;
};

TEST_F(MemoryFileTest, HasTheGuestsBytesAtTheirAddresses) {
    auto file = MemoryFile::create(path);
    ASSERT_TRUE(file) << file.error().message();
    const auto memory = GuestMemory::create(2 * kMiB, &*file);
    ASSERT_TRUE(memory) << memory.error().message();
    EXPECT_EQ(memory->span(Gpa{kMiB}, 1)[0], std::byte{0});
    EXPECT_FALSE(fs::exists(path)) << "not before it is put in place";
    ASSERT_TRUE(file->put_in_place());
    EXPECT_EQ(files(), 1);
    memory->span(Gpa{kMiB + 5}, 1)[0] = std::byte{'x'};
    EXPECT_EQ(byte_at(kMiB + 5), 'x');
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_EQ(static_cast<std::uint64_t>(status.st_size), 2 * kMiB);
    EXPECT_GE(static_cast<std::uint64_t>(status.st_blocks) * 512, 2 * kMiB) << "its space is reserved";
}

TEST_F(MemoryFileTest, MemoryFrom4GiBIsThereInTheFileToo) {
    auto file = MemoryFile::create(path);
    ASSERT_TRUE(file);
    const auto region = file->region(layout::kHoleEnd, kMiB);
    ASSERT_TRUE(region) << region.error().message();
    ASSERT_TRUE(file->put_in_place());
    region->host()[5] = std::byte{'y'};
    EXPECT_EQ(byte_at(static_cast<std::streamoff>(layout::kHoleEnd.value) + 5), 'y');
    EXPECT_FALSE(region->lazily_allocated());
}

TEST_F(MemoryFileTest, ReplacesAnOldOneThatIsOpen) {
    std::ofstream(path) << "old";
    std::ifstream reader(path);
    auto file = MemoryFile::create(path);
    ASSERT_TRUE(file) << file.error().message();
    ASSERT_TRUE(GuestMemory::create(kMiB, &*file));
    ASSERT_TRUE(file->put_in_place());
    std::string text;
    reader >> text;
    EXPECT_EQ(text, "old");
    EXPECT_EQ(fs::file_size(path), kMiB);
}

TEST_F(MemoryFileTest, LeavesNothingBehindThatWasNotPutInPlace) {
    {
        const auto file = MemoryFile::create(path);
        ASSERT_TRUE(file);
        EXPECT_EQ(files(), 1);
    }
    EXPECT_EQ(files(), 0);
}

TEST_F(MemoryFileTest, TakesThePlaceOfFilesAlone) {
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    EXPECT_THAT(refusal(), HasSubstr("not a regular file"));
    fs::remove(path);
    fs::create_directory(path);
    EXPECT_THAT(refusal(), HasSubstr("not a regular file"));
    path = folder + "/none/ram";
    EXPECT_THAT(refusal(), HasSubstr("No such file"));
    path = "/dev/null";
    EXPECT_THAT(refusal(), HasSubstr("not a regular file"));
}

TEST_F(MemoryFileTest, SpaceThatIsNotThereIsAnErrorBeforeTheGuestRuns) {
    const auto file = MemoryFile::create(path);
    ASSERT_TRUE(file);
    const auto region = file->region(Gpa{0}, fs::space(folder).available + 64 * layout::kGiB);
    ASSERT_FALSE(region);
    EXPECT_THAT(region.error().message(), testing::AnyOf(HasSubstr("MiB free"), HasSubstr("ulimit")));
}

}  // namespace
}  // namespace ringside::machine
