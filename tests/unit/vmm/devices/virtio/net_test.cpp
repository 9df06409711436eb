#include "vmm/devices/virtio/net.h"

#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/vmm/devices/virtio/driver_test.h"
#include "vmm/devices/virtio/unix_address.h"

namespace ringside::devices::virtio {
namespace {

using ::testing::ElementsAre;

constexpr std::uint64_t kSomeFeature = 1;
constexpr MacAddress kMac{0x52, 0x54, 0, 1, 2, 3};

// A network that the test holds the other end of.
class FakeBackend final : public NetBackend {
  public:
    std::uint64_t features() const override { return kSomeFeature; }
    void accept(std::uint64_t features) override { accepted.push_back(features); }
    void start(asio::io_context&, Hooks given) override { hooks = std::move(given); }
    void receive() override { ++receives; }
    bool ready() const override { return !busy; }
    void send(std::span<const std::byte> frame) override {
        sent.emplace_back(reinterpret_cast<const char*>(frame.data()) + kNetHeader,
                          frame.size() - kNetHeader);
    }
    Hooks hooks;
    std::vector<std::uint64_t> accepted;
    std::vector<std::string> sent;
    int receives = 0;
    bool busy = false;
};

std::vector<std::byte> frame(std::string_view payload) {
    auto all = std::vector<std::byte>(kNetHeader);
    const auto data = bytes(payload);
    all.insert(all.end(), data.begin(), data.end());
    return all;
}

class VirtioNet : public ::testing::Test {
  protected:
    void SetUp() override { driver_.set_up(); }
    FakeBackend* backend_ = new FakeBackend;
    std::vector<std::string> reports_;
    Net device_{std::unique_ptr<NetBackend>(backend_), kMac,
                [this](const std::string& text) { reports_.push_back(text); }};
    FakeDriver driver_{device_};
};

TEST_F(VirtioNet, ShowsItsAddressAndItsLink) {
    EXPECT_THAT(driver_.config<MacAddress>(0), ElementsAre(0x52, 0x54, 0, 1, 2, 3));
    EXPECT_EQ(driver_.config<std::uint16_t>(6), 1);
}

TEST_F(VirtioNet, SendsFramesHoweverTheyAreCut) {
    driver_.send(1, {out(std::vector<std::byte>(kNetHeader)), out(bytes("one"))});
    driver_.send(1, {out(frame("two"))});
    EXPECT_THAT(backend_->sent, ElementsAre("one", "two"));
    EXPECT_EQ(driver_.used_index(1), 2);
    EXPECT_THAT(backend_->accepted, ElementsAre(kSomeFeature));
}

TEST_F(VirtioNet, ABusyNetworkLeavesFramesInTheQueue) {
    backend_->busy = true;
    driver_.send(1, {out(frame("one"))});
    EXPECT_EQ(driver_.used_index(1), 0);
    backend_->busy = false;
    backend_->hooks.on_ready();
    EXPECT_THAT(backend_->sent, ElementsAre("one"));
}

TEST_F(VirtioNet, FramesThatNoNetworkCarriesAreDropped) {
    driver_.send(1, {out(std::vector<std::byte>(kNetHeader))});
    driver_.send(1, {out(bytes("x"))});
    driver_.send(1, {room(64)});
    driver_.put_descriptor(driver_.descriptors(1), 3, {0x200000, 0x100000, 0, 0});
    driver_.offer(1, 3);
    driver_.notify(1);
    EXPECT_EQ(driver_.used_index(1), 4) << "they are given back";
    EXPECT_TRUE(backend_->sent.empty());
    EXPECT_FALSE(driver_.needs_reset());
}

TEST_F(VirtioNet, ReceivesFrames) {
    const auto place = driver_.send(0, {room(kNetHeader), room(64)});
    backend_->hooks.on_frame(frame("ping"));
    EXPECT_EQ(driver_.take_used(0), kNetHeader + 4);
    EXPECT_EQ(driver_.text_at(place[1], 4), "ping");
    EXPECT_EQ(backend_->receives, 2);
}

TEST_F(VirtioNet, KeepsOneFrameUntilThereIsABuffer) {
    backend_->hooks.on_frame(frame("ping"));
    EXPECT_EQ(backend_->receives, 1) << "and fetches no other";
    const auto place = driver_.send(0, {room(100)});
    EXPECT_EQ(driver_.take_used(0), kNetHeader + 4);
    EXPECT_EQ(driver_.text_at(place[0] + kNetHeader, 4), "ping");
    EXPECT_EQ(backend_->receives, 2);
}

TEST_F(VirtioNet, DropsAFrameThatTheBufferIsTooSmallFor) {
    driver_.send(0, {room(kNetHeader + 3)});
    backend_->hooks.on_frame(frame("ping"));
    EXPECT_EQ(driver_.used_index(0), 0);
    EXPECT_EQ(backend_->receives, 2);
}

TEST_F(VirtioNet, TheGuestSeesThatItsLinkIsDown) {
    backend_->hooks.on_lost("gone");
    EXPECT_EQ(driver_.config<std::uint16_t>(6), 0);
    EXPECT_EQ(driver_.read(testing::InterruptStatus), 2U);
    EXPECT_THAT(reports_, ElementsAre(HasSubstr("gone")));
}

// passt's protocol, with the test in passt's place.
class VirtioPasst : public ::testing::Test {
  protected:
    VirtioPasst() {
        const Fd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
        const auto address = unix_address("test", folder_ / "passt").value();
        EXPECT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(listener.get(), 1), 0);
        device_.emplace(open_passt(folder_ / "passt").value(), kMac,
                        [this](const std::string& text) { reports_.push_back(text); });
        passt_ = Fd(::accept(listener.get(), nullptr, nullptr));
        driver_.emplace(*device_, io_);
        driver_->set_up();
    }
    void write(std::string_view text) {
        ASSERT_EQ(::write(passt_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    asio::io_context io_;
    testing::TemporaryFolder folder_;
    std::vector<std::string> reports_;
    std::optional<Net> device_;
    Fd passt_;
    std::optional<FakeDriver> driver_;
};

TEST_F(VirtioPasst, FramesHaveTheirLengthInFront) {
    driver_->send(1, {out(frame("hello"))});
    driver_->io.poll();
    std::array<char, 9> text{};
    ASSERT_EQ(::recv(passt_.get(), text.data(), text.size(), MSG_WAITALL), 9);
    EXPECT_EQ(std::string_view(text.data(), text.size()), std::string_view("\0\0\0\5hello", 9));
}

TEST_F(VirtioPasst, FramesComeInWithAnEmptyHeader) {
    const auto place = driver_->send(0, {room(100)});
    write(std::string_view("\0\0\0\5world", 9));
    while (driver_->used_index(0) == 0)
        driver_->io.run_one();
    EXPECT_EQ(driver_->take_used(0), kNetHeader + 5);
    EXPECT_EQ(driver_->text_at(place[0], kNetHeader + 5), std::string("\0\0\0\0\0\0\0\0\0\0\1\0world", 17));
}

TEST_F(VirtioPasst, AnImpossibleLengthEndsTheLink) {
    write(std::string_view("\xff\xff\xff\xff", 4));
    while (reports_.empty())
        driver_->io.run_one();
    EXPECT_THAT(reports_[0], HasSubstr("4294967295"));
    EXPECT_EQ(driver_->config<std::uint16_t>(6), 0);
}

TEST_F(VirtioPasst, ItsEndEndsTheLink) {
    passt_ = Fd();
    while (reports_.empty())
        driver_->io.run_one();
    driver_->send(1, {out(frame("hello"))});
    EXPECT_EQ(driver_->config<std::uint16_t>(6), 0);
}

}  // namespace
}  // namespace ringside::devices::virtio
