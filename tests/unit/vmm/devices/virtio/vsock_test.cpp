#include "vmm/devices/virtio/vsock.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "tests/unit/vmm/devices/virtio/driver_test.h"
#include "vmm/devices/virtio/unix_address.h"

namespace ringside::devices::virtio {
namespace {

constexpr std::uint32_t kCid = 3;
constexpr std::uint32_t kBuffer = 64 * 1024;

struct Packet {
    VsockHeader header;
    std::string data;
};

class VirtioVsock : public ::testing::Test {
  protected:
    VirtioVsock() : device_(Vsock::open({kCid, path_}).value()), driver_(*device_, io_) { driver_.set_up(); }

    // ---- The guest

    VsockHeader packet(VsockOp op, std::uint32_t guest_port, std::uint32_t host_port,
                       std::uint32_t length = 0) {
        VsockHeader header;
        header.source_cid = kCid;
        header.destination_cid = kVsockHostCid;
        header.source_port = guest_port;
        header.destination_port = host_port;
        header.length = length;
        header.type = kVsockStream;
        header.op = op;
        header.buffer_size = kBuffer;
        return header;
    }
    void send(const VsockHeader& header, std::string_view data = {}) {
        driver_.send(1, {out(bytes_of(header)), out(bytes(data))});
    }
    // The next packet that the device sends; the test waits for the host's side as long as it takes.
    Packet receive() {
        const auto place = driver_.send(0, {room(4096)});
        std::optional<std::uint32_t> length;
        while (!(length = driver_.take_used(0)))
            driver_.io.run_one();
        Packet received{driver_.peek<VsockHeader>(place[0]), {}};
        EXPECT_EQ(*length, sizeof(VsockHeader) + received.header.length);
        received.data = driver_.text_at(place[0] + sizeof(VsockHeader), received.header.length);
        return received;
    }
    void expect_reset(std::uint32_t guest_port) {
        const auto answer = receive();
        EXPECT_EQ(answer.header.op, VsockOp::Reset);
        EXPECT_EQ(answer.header.destination_port, guest_port);
    }

    // ---- The host

    Fd connect() { return connect_unix("test", path_).value(); }
    static void write(const Fd& fd, std::string_view text) {
        ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    // Runs the device until so many bytes have come, or the connection has ended.
    std::string read(const Fd& fd, std::size_t size) {
        std::string text;
        std::array<char, 4096> piece{};
        while (text.size() < size) {
            const ssize_t count =
                ::recv(fd.get(), piece.data(), std::min(piece.size(), size - text.size()), MSG_DONTWAIT);
            if (count == 0 || (count < 0 && errno != EAGAIN))
                break;
            if (count > 0)
                text.append(piece.data(), static_cast<std::size_t>(count));
            else
                driver_.io.run_one();
        }
        return text;
    }
    Fd listen(std::uint32_t port) {
        Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
        const auto address = unix_address("test", path_ + "_" + std::to_string(port)).value();
        EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(fd.get(), 8), 0);
        return fd;
    }
    // A connection from guest port 1000 to host port 52.
    Fd guest_connects() {
        const Fd listener = listen(52);
        send(packet(VsockOp::Request, 1000, 52));
        EXPECT_EQ(receive().header.op, VsockOp::Response);
        return Fd(::accept(listener.get(), nullptr, nullptr));
    }

    asio::io_context io_;
    testing::TemporaryFolder folder_;
    std::string path_ = folder_ / "vsock";
    std::unique_ptr<Vsock> device_;
    FakeDriver driver_;
};

TEST_F(VirtioVsock, ShowsTheGuestItsAddress) {
    EXPECT_EQ(driver_.config<std::uint32_t>(0), kCid);
    EXPECT_EQ(driver_.config<std::uint32_t>(4), 0U);
}

TEST_F(VirtioVsock, AProgramOnTheHostReachesTheGuest) {
    const Fd program = connect();
    write(program, "CONNECT 1234\nearly");
    const auto request = receive();
    EXPECT_EQ(request.header.op, VsockOp::Request);
    EXPECT_EQ(request.header.destination_port, 1234U);
    EXPECT_EQ(request.header.destination_cid, kCid);
    EXPECT_EQ(request.header.source_cid, kVsockHostCid);
    const std::uint32_t host_port = request.header.source_port;
    send(packet(VsockOp::Response, 1234, host_port));
    const std::string greeting = "OK " + std::to_string(host_port) + "\n";
    EXPECT_EQ(read(program, greeting.size()), greeting);
    EXPECT_EQ(receive().data, "early");
    send(packet(VsockOp::Data, 1234, host_port, 5), "hello");
    EXPECT_EQ(read(program, 5), "hello");
    write(program, "world");
    EXPECT_EQ(receive().data, "world");
}

TEST_F(VirtioVsock, AGuestThatDoesNotListenEndsTheProgramsConnection) {
    const Fd program = connect();
    write(program, "CONNECT 1234\n");
    const auto request = receive();
    send(packet(VsockOp::Reset, 1234, request.header.source_port));
    EXPECT_EQ(read(program, 1), "");
}

TEST_F(VirtioVsock, AProgramThatSpeaksSomethingElseIsCutOff) {
    for (const char* line : {"GET / HTTP/1.1\n", "CONNECT\n", "CONNECT x\n", "CONNECT 99999999999\n",
                             "CONNECT 1 2\n", "CONNECT 1234567890123456789012345678901234567890"}) {
        const Fd program = connect();
        write(program, line);
        EXPECT_EQ(read(program, 1), "") << line;
    }
}

TEST_F(VirtioVsock, AGuestReachesAProgramOnTheHost) {
    const Fd program = guest_connects();
    send(packet(VsockOp::Data, 1000, 52, 4), "ping");
    EXPECT_EQ(read(program, 4), "ping");
    write(program, "pong");
    const auto answer = receive();
    EXPECT_EQ(answer.header.op, VsockOp::Data);
    EXPECT_EQ(answer.header.source_port, 52U);
    EXPECT_EQ(answer.data, "pong");
}

TEST_F(VirtioVsock, NothingListensThere) {
    send(packet(VsockOp::Request, 1000, 53));
    expect_reset(1000);
}

TEST_F(VirtioVsock, SendsNoMoreThanTheGuestHasRoomFor) {
    const Fd program = guest_connects();
    auto little = packet(VsockOp::CreditUpdate, 1000, 52);
    little.buffer_size = 3;
    send(little);
    write(program, "abcdef");
    EXPECT_EQ(receive().data, "abc");
    driver_.add(0, {room(4096)});
    driver_.notify(0);
    driver_.io.poll();
    EXPECT_FALSE(driver_.take_used(0));
    little.forwarded = 2;
    send(little);
    EXPECT_EQ(driver_.take_used(0), sizeof(VsockHeader) + 2);
}

TEST_F(VirtioVsock, AGuestThatClaimsToHaveReadWhatItNeverGotHasNoCredit) {
    const Fd program = guest_connects();
    auto lie = packet(VsockOp::CreditUpdate, 1000, 52);
    lie.forwarded = 1;
    send(lie);
    write(program, "abc");
    driver_.add(0, {room(4096)});
    driver_.notify(0);
    driver_.io.run_one();
    driver_.io.poll();
    EXPECT_FALSE(driver_.take_used(0));
}

TEST_F(VirtioVsock, TellsTheGuestThatItsDataWentOn) {
    const Fd program = guest_connects();
    const std::string piece(16 * 1024, 'd');
    for (int i = 0; i < 4; ++i) {
        send(packet(VsockOp::Data, 1000, 52, static_cast<std::uint32_t>(piece.size())), piece);
        EXPECT_EQ(read(program, piece.size()), piece);
    }
    const auto update = receive();
    EXPECT_EQ(update.header.op, VsockOp::CreditUpdate);
    EXPECT_EQ(update.header.forwarded, 4 * piece.size());
}

TEST_F(VirtioVsock, AGuestThatAsksIsToldItsCredit) {
    const Fd program = guest_connects();
    send(packet(VsockOp::CreditRequest, 1000, 52));
    const auto update = receive();
    EXPECT_EQ(update.header.op, VsockOp::CreditUpdate);
    EXPECT_EQ(update.header.buffer_size, VsockConnection::kBufferSize);
}

TEST_F(VirtioVsock, AGuestThatExceedsItsCreditIsCutOff) {
    const Fd program = guest_connects();
    const std::string piece(16 * 1024, 'd');
    // Nothing reads: the socket's buffer fills, then ours. The device runs on between the packets.
    for (int i = 0; i < 64; ++i) {
        send(packet(VsockOp::Data, 1000, 52, static_cast<std::uint32_t>(piece.size())), piece);
        driver_.io.poll();
    }
    Packet last;
    do
        last = receive();
    while (last.header.op == VsockOp::CreditUpdate);
    EXPECT_EQ(last.header.op, VsockOp::Reset);
}

TEST_F(VirtioVsock, TheGuestEndsAConnectionAfterItsLastData) {
    const Fd program = guest_connects();
    send(packet(VsockOp::Data, 1000, 52, 4), "last");
    auto end = packet(VsockOp::Shutdown, 1000, 52);
    end.flags = kVsockNoReceive | kVsockNoSend;
    send(end);
    EXPECT_EQ(read(program, 5), "last");
    expect_reset(1000);
}

TEST_F(VirtioVsock, TheEndOfAProgramIsReported) {
    Fd program = guest_connects();
    write(program, "bye");
    program = Fd();
    EXPECT_EQ(receive().data, "bye");
    const auto end = receive();
    EXPECT_EQ(end.header.op, VsockOp::Shutdown);
    EXPECT_EQ(end.header.flags, kVsockNoSend);
}

TEST_F(VirtioVsock, AResetOfTheDeviceEndsItsConnections) {
    const Fd program = guest_connects();
    driver_.set_up();
    EXPECT_EQ(read(program, 1), "");
    send(packet(VsockOp::Data, 1000, 52, 4), "late");
    expect_reset(1000);
}

TEST_F(VirtioVsock, AfterARestoreTheGuestLearnsThatItsConnectionsAreClosed) {
    const Fd program = guest_connects();
    const auto place = driver_.send(2, {room(8)});
    driver_.transport().restore(driver_.transport().save());
    EXPECT_EQ(driver_.take_used(2), 4U);
    EXPECT_EQ(driver_.peek<std::uint32_t>(place[0]), 0U);
    EXPECT_EQ(read(program, 1), "");
}

// ---- Hostile packets

TEST_F(VirtioVsock, PacketsOfOthersAreNotAnswered) {
    auto stranger = packet(VsockOp::Request, 1000, 52);
    stranger.source_cid = 99;
    send(stranger);
    auto misled = packet(VsockOp::Request, 1000, 52);
    misled.destination_cid = 99;
    send(misled);
    send(packet(VsockOp::Data, 7, 8));
    expect_reset(7);  // the first answer there is
}

TEST_F(VirtioVsock, PacketsOfNoKnownKindAreRefused) {
    auto seqpacket = packet(VsockOp::Request, 1000, 52);
    seqpacket.type = 2;
    send(seqpacket);
    expect_reset(1000);
    send(packet(static_cast<VsockOp>(99), 1001, 52));
    expect_reset(1001);
    const Fd program = guest_connects();
    send(packet(static_cast<VsockOp>(0), 1000, 52));
    expect_reset(1000);
    EXPECT_EQ(read(program, 1), "");
}

TEST_F(VirtioVsock, ASecondRequestOnOnePairOfPortsEndsIt) {
    const Fd program = guest_connects();
    send(packet(VsockOp::Request, 1000, 52));
    expect_reset(1000);
    EXPECT_EQ(read(program, 1), "");
}

TEST_F(VirtioVsock, DataBeforeTheConnectionIsEstablishedEndsIt) {
    const Fd program = connect();
    write(program, "CONNECT 1234\n");
    const auto request = receive();
    send(packet(VsockOp::Data, 1234, request.header.source_port, 1), "x");
    expect_reset(1234);
    EXPECT_EQ(read(program, 1), "");
}

TEST_F(VirtioVsock, AResetIsNotAnsweredByAReset) {
    send(packet(VsockOp::Reset, 1000, 52));
    send(packet(VsockOp::Data, 7, 8));
    expect_reset(7);
}

TEST_F(VirtioVsock, APacketWithoutAHeaderBreaksIt) {
    driver_.send(1, {out(bytes("short"))});
    EXPECT_TRUE(driver_.needs_reset());
}

TEST_F(VirtioVsock, APacketShorterThanItSaysBreaksIt) {
    send(packet(VsockOp::Data, 1000, 52, 100), "x");
    EXPECT_TRUE(driver_.needs_reset());
}

TEST_F(VirtioVsock, APacketLargerThanAnyBufferBreaksIt) {
    send(packet(VsockOp::Data, 1000, 52, 0xffffffff), "x");
    EXPECT_TRUE(driver_.needs_reset());
}

TEST_F(VirtioVsock, ABufferWithoutRoomForAPacketBreaksIt) {
    send(packet(VsockOp::Data, 7, 8));
    driver_.send(0, {room(44)});
    EXPECT_TRUE(driver_.needs_reset());
}

TEST_F(VirtioVsock, AGuestThatTakesNoAnswersIsNotReadAnyFurther) {
    for (int i = 0; i < 260; ++i)
        send(packet(VsockOp::Data, 7, 8));
    EXPECT_EQ(driver_.used_index(1), 256);
    expect_reset(7);
    EXPECT_EQ(driver_.used_index(1), 257);
}

TEST_F(VirtioVsock, ASocketFileThatIsThereIsNotTakenOver) {
    const auto second = Vsock::open({kCid, path_});
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message(), HasSubstr("in use"));
    device_.reset();
    EXPECT_NE(::access(path_.c_str(), F_OK), 0) << "it goes with the device";
}

}  // namespace
}  // namespace ringside::devices::virtio
