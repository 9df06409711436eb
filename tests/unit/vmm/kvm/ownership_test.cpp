#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>

#include <gtest/gtest.h>

#include "vmm/base/fd.h"

namespace ringside::kvm {
namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

Fd open_null() {
    return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

TEST(Fd, ClosesWhatItOwns) {
    int number = -1;
    {
        const Fd fd = open_null();
        number = fd.get();
        ASSERT_TRUE(is_open(number));
    }
    EXPECT_FALSE(is_open(number));
}

TEST(Fd, AMoveHandsOnAndLeavesNothing) {
    Fd from = open_null();
    const int number = from.get();
    const Fd to = std::move(from);
    EXPECT_EQ(to.get(), number);
    EXPECT_FALSE(from);  // NOLINT(bugprone-use-after-move): what is left is the point
    EXPECT_TRUE(is_open(number));
}

TEST(Fd, AssignmentClosesTheFormerWithTheSource) {
    Fd target = open_null();
    const int former = target.get();
    {
        Fd source = open_null();
        target = std::move(source);
    }
    EXPECT_FALSE(is_open(former));
    EXPECT_TRUE(is_open(target.get()));
}

TEST(Mapping, UnmapsWhatItOwnsOnce) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* address = ::mmap(nullptr, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(address, MAP_FAILED);
    const auto mapped = [&] {
        unsigned char resident = 0;
        return ::mincore(address, page, &resident) == 0;
    };
    {
        Mapping first(address, page);
        const Mapping second = std::move(first);
        EXPECT_EQ(second.get(), address);
        EXPECT_EQ(second.size(), page);
        EXPECT_EQ(first.get(), nullptr);  // NOLINT(bugprone-use-after-move): what is left is the point
        EXPECT_TRUE(mapped());
    }
    EXPECT_FALSE(mapped());
}

}  // namespace
}  // namespace ringside::kvm
