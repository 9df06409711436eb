#include "vmm/devices/virtio/virtio_console.h"

#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/vmm/devices/virtio/driver_test.h"

namespace ringside::devices::virtio {
namespace {

// The console's other end is a socket of the test's.
struct Line {
    Line() {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
            std::abort();
        ours = Fd(ends[0]);
        descriptors.input = Fd(::dup(ends[1]));
        descriptors.output = Fd(ends[1]);
    }
    std::string read(std::size_t size) const {
        std::string text(size, 0);
        text.resize(static_cast<std::size_t>(::recv(ours.get(), text.data(), size, MSG_WAITALL)));
        return text;
    }
    void write(std::string_view text) const {
        ASSERT_EQ(::write(ours.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    Fd ours;
    ConsoleDescriptors descriptors;
};

class VirtioConsoleTest : public ::testing::Test {
  protected:
    void SetUp() override { driver_.set_up(); }
    asio::io_context io_;
    Line line_;
    VirtioConsole device_{std::make_unique<Console>(std::move(line_.descriptors)), [] {}};
    FakeDriver driver_{device_, io_};
};

TEST_F(VirtioConsoleTest, PassesOutputOn) {
    driver_.send(1, {out(bytes("Hello, ")), out(bytes("world\n"))});
    EXPECT_EQ(driver_.take_used(1), 0U);
    EXPECT_EQ(line_.read(13), "Hello, world\n");
}

TEST_F(VirtioConsoleTest, PassesLargeOutputOnInPieces) {
    // 96 descriptors' worth of one and the same 2 KiB, by an indirect table.
    driver_.put(Gpa{FakeDriver::kBuffers}, bytes(std::string(2048, 'z')));
    for (std::uint16_t i = 0; i < 96; ++i)
        driver_.put_descriptor(
            FakeDriver::indirect_table(), i,
            {FakeDriver::kBuffers, 2048, static_cast<std::uint16_t>(i < 95 ? kDescriptorNext : 0),
             static_cast<std::uint16_t>(i + 1)});
    driver_.put_descriptor(driver_.descriptors(1), 0,
                           {FakeDriver::indirect_table(), 16 * 96, kDescriptorIndirect, 0});
    driver_.offer(1, 0);
    driver_.notify(1);
    EXPECT_EQ(driver_.take_used(1), 0U);
    EXPECT_EQ(line_.read(96 * 2048), std::string(96 * 2048, 'z'));
}

TEST_F(VirtioConsoleTest, FillsBuffersWithInput) {
    const auto first = driver_.send(0, {room(4)});
    const auto second = driver_.send(0, {room(4)});
    line_.write("abcdef");
    driver_.io.run_one();
    EXPECT_EQ(driver_.take_used(0), 4U);
    EXPECT_EQ(driver_.take_used(0), 2U);
    EXPECT_EQ(driver_.text_at(first[0], 4), "abcd");
    EXPECT_EQ(driver_.text_at(second[0], 2), "ef");
    EXPECT_TRUE(driver_.line().level);
}

TEST_F(VirtioConsoleTest, KeepsInputUntilThereIsABuffer) {
    line_.write("abc");
    driver_.io.run_one();
    EXPECT_EQ(driver_.used_index(0), 0);
    const auto place = driver_.send(0, {room(8)});
    driver_.io.run_one();
    EXPECT_EQ(driver_.take_used(0), 3U);
    EXPECT_EQ(driver_.text_at(place[0], 3), "abc");
}

TEST_F(VirtioConsoleTest, ABufferWithoutRoomBreaksIt) {
    driver_.send(0, {out(bytes("for reading"))});
    line_.write("abc");
    driver_.io.run_one();
    EXPECT_TRUE(driver_.needs_reset());
}

}  // namespace
}  // namespace ringside::devices::virtio
