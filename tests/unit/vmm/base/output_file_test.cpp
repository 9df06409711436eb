#include "vmm/base/output_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <sstream>

namespace ringside {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ReplaceFile : public testing::Test {
  protected:
    ReplaceFile() { fs::create_directory(folder_); }
    ~ReplaceFile() override { fs::remove_all(folder_); }

    fs::path path(const char* name) const { return folder_ / name; }
    static std::string content(const fs::path& file) {
        std::ostringstream text;
        text << std::ifstream(file).rdbuf();
        return text.str();
    }
    static Result<void> write(const fs::path& file, const std::string& text) {
        return replace_file(file, [&](std::ofstream& out) -> Result<void> {
            out << text;
            return {};
        });
    }
    std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
    }

  private:
    fs::path folder_ = testing::TempDir() + "replace_file." + std::to_string(::getpid());
};

TEST_F(ReplaceFile, WritesANewFileAndAnOldOne) {
    ASSERT_TRUE(write(path("file"), "first, and longer"));
    ASSERT_TRUE(write(path("file"), "second"));
    EXPECT_EQ(content(path("file")), "second");
    EXPECT_EQ(files(), 1U);
}

TEST_F(ReplaceFile, AnErrorOfTheWriterLeavesWhatWasThere) {
    ASSERT_TRUE(write(path("file"), "before"));
    const auto done = replace_file(path("file"), [](std::ofstream& out) -> Result<void> {
        out << "half";
        return failure("read memory", "it ends");
    });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().reason, "it ends");
    EXPECT_EQ(content(path("file")), "before");
    EXPECT_EQ(files(), 1U);
}

TEST_F(ReplaceFile, AFileThatCannotBeWrittenIsAnErrorThatNamesIt) {
    const auto done = write(path("missing") / "file", "text");
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message(), HasSubstr("missing/file: No such file"));
    EXPECT_FALSE(write(path("."), "text")) << "a directory";
}

TEST_F(ReplaceFile, ASymbolicLinkStaysOne) {
    ASSERT_TRUE(write(path("file"), "before"));
    fs::create_symlink("file", path("link"));
    ASSERT_TRUE(write(path("link"), "after"));
    EXPECT_TRUE(fs::is_symlink(path("link")));
    EXPECT_EQ(content(path("file")), "after");
}

}  // namespace
}  // namespace ringside
