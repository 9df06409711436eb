// The server over real sockets on this machine: whole conversations, rude clients, bad endpoints.
#include "gdbstub/transport/server.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <sys/stat.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <asio.hpp>

#include "gdbstub/checksum.h"
#include "tests/unit/gdbstub/fake_target.h"

namespace ringside::gdbstub {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string framed(std::string_view payload) {
    return fmt::format("${}#{:02x}", payload, checksum(payload));
}

// A client with blocking calls, on the test's thread; the server runs on another.
template <typename Protocol>
class Client {
  public:
    explicit Client(const typename Protocol::endpoint& endpoint) { socket_.connect(endpoint); }

    void send(std::string_view bytes) { asio::write(socket_, asio::buffer(bytes)); }

    // The payload of the next frame; "closed" at the stream's end.
    std::string receive() {
        asio::error_code error;
        const std::size_t size = asio::read_until(socket_, asio::dynamic_buffer(text_), '#', error);
        if (error)
            return "closed";
        while (text_.size() < size + 2)
            asio::read(socket_, asio::dynamic_buffer(text_), asio::transfer_exactly(size + 2 - text_.size()));
        const std::size_t start = text_.find('$') + 1;
        std::string payload = text_.substr(start, size - 1 - start);
        text_.erase(0, size + 2);
        return payload;
    }
    std::string ask(std::string_view payload) {
        send(framed(payload));
        return receive();
    }
    void close() { socket_.close(); }
    void reset() {  // an abrupt end, as by a client that was killed
        socket_.set_option(asio::socket_base::linger(true, 0));
        socket_.close();
    }

  private:
    asio::io_context io_;
    typename Protocol::socket socket_{io_};
    std::string text_;
};

using TcpClient = Client<asio::ip::tcp>;
using UnixClient = Client<asio::local::stream_protocol>;

class ServerTest : public ::testing::Test {
  protected:
    void TearDown() override {
        if (!thread_.joinable())
            return;
        asio::post(io_, [this] {
            server_.reset();
            work_.reset();
            io_.stop();
        });
        thread_.join();
    }

    void start(const Endpoint& endpoint) {
        auto opened = Server::open(io_, endpoint, bundle_,
                                   {.on_event = [this](const std::string& line) { events_.push_back(line); },
                                    .on_connect = [this] { ++connects_; },
                                    .on_disconnect = [this] { ++disconnects_; }});
        ASSERT_TRUE(opened) << opened.error().message;
        server_ = std::move(*opened);
        thread_ = std::thread([this] { io_.run(); });
    }
    void start_tcp() { start(TcpEndpoint{"127.0.0.1", 0}); }

    asio::ip::tcp::endpoint address() const { return {asio::ip::make_address("127.0.0.1"), server_->port()}; }

    // Runs on the server's thread and returns its result: what it reads is not in use there meanwhile.
    template <typename F>
    auto on_server(F function) {
        return asio::post(io_, asio::use_future(std::move(function))).get();
    }
    // Waits, event by event, until the server has seen `count` clients leave.
    void await_disconnects(int count) {
        while (on_server([this] { return disconnects_; }) < count)
            std::this_thread::yield();
    }
    std::vector<std::string> log() {
        return on_server([this] { return target_.log; });
    }
    std::vector<std::string> events() {
        return on_server([this] { return events_; });
    }

    FakeTarget target_;
    Target bundle_ = target_.bundle();
    asio::io_context io_;
    asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
    std::unique_ptr<Server> server_;
    std::vector<std::string> events_;
    int connects_ = 0;
    int disconnects_ = 0;
    std::thread thread_;
};

TEST_F(ServerTest, HoldsAConversationOverTcp) {
    start_tcp();
    EXPECT_EQ(server_->description(), fmt::format("tcp:127.0.0.1:{}", server_->port()));
    TcpClient client(address());
    EXPECT_EQ(client.ask("QStartNoAckMode"), "OK");
    EXPECT_THAT(client.ask("qSupported:swbreak+;qRelocInsn+"), HasSubstr("PacketSize="));
    EXPECT_EQ(client.ask("m1001,3"), "010203");
    client.send(framed("vCont;c"));
    client.send(framed("qAttached"));  // answered after the stop
    server_->post_stop({ThreadId{2}, StoppedBySoftwareBreakpoint{}, {}});
    while (log().size() < 2)  // if the resume came after that stop, it was not for us
        std::this_thread::yield();
    server_->post_stop({ThreadId{2}, StoppedBySoftwareBreakpoint{}, {}});
    EXPECT_THAT(client.receive(), StartsWith("T05thread:2;core:1;swbreak:;"));
    EXPECT_EQ(client.receive(), "1");
    client.close();
    await_disconnects(1);
    EXPECT_THAT(log(), ElementsAre("attach", "resume 1:c 2:c", "lost"));
}

TEST_F(ServerTest, HoldsAConversationOverAUnixSocketForItsOwnerAlone) {
    const std::string path = ::testing::TempDir() + fmt::format("ringside-{}.sock", ::getpid());
    start(UnixEndpoint{path});
    EXPECT_EQ(server_->description(), "unix:" + path);
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    UnixClient client{asio::local::stream_protocol::endpoint(path)};
    EXPECT_EQ(client.ask("qAttached"), "1");
    on_server([this] { return server_.reset(), 0; });
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_EQ(client.receive(), "closed");
}

TEST_F(ServerTest, RefusesASecondClientWhileTheFirstContinues) {
    start_tcp();
    TcpClient first(address());
    EXPECT_EQ(first.ask("qAttached"), "1");
    TcpClient second(address());
    EXPECT_THAT(second.ask("qSupported:multiprocess+"),
                AllOf(StartsWith("E.another debugger (127.0.0.1:"), HasSubstr("detach it first")));
    EXPECT_EQ(second.receive(), "closed");
    EXPECT_EQ(first.ask("qAttached"), "1");
    EXPECT_THAT(events(),
                Contains(AllOf(StartsWith("refused 127.0.0.1:"), HasSubstr("is attached already"))));
    first.close();
    await_disconnects(1);
    TcpClient third(address());
    EXPECT_EQ(third.ask("qAttached"), "1");
    EXPECT_EQ(on_server([this] { return connects_; }), 2);
}

// Connections that send no packet neither touch the target nor keep others out, open or closed.
TEST_F(ServerTest, ServesAClientAmongSilentConnections) {
    start_tcp();
    std::vector<std::unique_ptr<TcpClient>> silent;
    for (int i = 0; i < 40; ++i) {
        silent.push_back(std::make_unique<TcpClient>(address()));
        silent.back()->send(i % 2 == 0 ? "GET / HTTP/1.0\r\n\r\n" : "");
        if (i % 4 == 0)
            silent.back()->close();
    }
    TcpClient client(address());
    EXPECT_EQ(client.ask("qAttached"), "1");
    EXPECT_THAT(log(), ElementsAre("attach"));
    EXPECT_EQ(on_server([this] { return connects_; }), 1);
    for (int i = 0; i < 40; ++i)
        silent.push_back(std::make_unique<TcpClient>(address()));
    EXPECT_EQ(silent[1]->receive(), "closed");  // the oldest made room
    EXPECT_EQ(client.ask("qAttached"), "1");
    client.close();
    await_disconnects(1);
    EXPECT_EQ(silent.back()->ask("qAttached"), "1");
}

TEST_F(ServerTest, OutlivesRudeClients) {
    start_tcp();
    int left = 0;
    for (const char* bytes : {"$m10", "$", "", "GET / HTTP/1.1\r\n\r\n", "\x03\x03\x03", "$#00$#00#$$#zz}"}) {
        TcpClient client(address());
        client.ask("qAttached");
        client.send(bytes);
        client.close();
        await_disconnects(++left);
    }
    {
        TcpClient client(address());
        client.ask("qAttached");
        client.send(framed("m1000,2000"));
        client.reset();
        await_disconnects(++left);
    }
    TcpClient client(address());
    EXPECT_EQ(client.ask("qAttached"), "1");
}

TEST_F(ServerTest, SendsMoreThanTheSocketHoldsWhenTheClientIsSlowToRead) {
    start_tcp();
    TcpClient client(address());
    client.ask("QStartNoAckMode");
    constexpr int kRequests = 2000;  // 32 MiB of replies
    std::thread writer([&client] {
        for (int i = 0; i < kRequests; ++i)
            client.send(framed("m1000,2000"));
    });
    const std::string expected(client.receive());
    EXPECT_EQ(expected.size(), 0x4000U);
    for (int i = 1; i < kRequests; ++i)
        ASSERT_EQ(client.receive(), expected) << i;
    writer.join();
}

TEST_F(ServerTest, ClosesAfterVKillAndItsReplyArrives) {
    start_tcp();
    TcpClient client(address());
    client.send(framed("vKill;1") + "+++++");
    EXPECT_EQ(client.receive(), "OK");
    EXPECT_EQ(client.receive(), "closed");
    await_disconnects(1);
    EXPECT_THAT(log(), ElementsAre("attach", "kill"));
}

TEST_F(ServerTest, LosesItsClientWhenItIsDestroyed) {
    start_tcp();
    TcpClient client(address());
    EXPECT_EQ(client.ask("qAttached"), "1");
    on_server([this] { return server_.reset(), 0; });
    EXPECT_EQ(client.receive(), "closed");
    EXPECT_THAT(log(), ElementsAre("attach", "lost"));
}

// ---- Endpoints

TEST(ServerEndpoints, SaysWhatToDoAboutAPortInUse) {
    asio::io_context io;
    FakeTarget target;
    Target bundle = target.bundle();
    const auto first = Server::open(io, TcpEndpoint{"127.0.0.1", 0}, bundle);
    ASSERT_TRUE(first);
    const auto second = Server::open(io, TcpEndpoint{"127.0.0.1", (*first)->port()}, bundle);
    ASSERT_FALSE(second);
    EXPECT_EQ(
        second.error().message,
        fmt::format("cannot listen on tcp:127.0.0.1:{}: Address already in use; another program has it: "
                    "choose another, or port 0 for any free one",
                    (*first)->port()));
}

TEST(ServerEndpoints, RefusesPlacesWhereItCannotListen) {
    asio::io_context io;
    FakeTarget target;
    Target bundle = target.bundle();
    const std::string file = ::testing::TempDir() + fmt::format("ringside-{}.txt", ::getpid());
    std::ofstream(file) << "precious";
    const std::pair<Endpoint, const char*> cases[] = {
        {TcpEndpoint{"192.0.2.1", 0}, "Cannot assign requested address"},
        {UnixEndpoint{"/nonexistent/dir/socket"}, "create it first"},
        {UnixEndpoint{std::string(200, 'a')}, "too long"},
        {UnixEndpoint{file}, "a file or another server is there"},
        {SerialEndpoint{"/nonexistent"}, "No such file"},
        {SerialEndpoint{"/dev/null"}, "it is neither a terminal device nor a virtio port"}};
    for (const auto& [endpoint, words] : cases) {
        const auto server = Server::open(io, endpoint, bundle);
        ASSERT_FALSE(server) << to_string(endpoint);
        EXPECT_THAT(server.error().message, HasSubstr(words));
    }
    EXPECT_TRUE(std::filesystem::exists(file));
    std::filesystem::remove(file);
}

TEST(ServerEndpoints, ReplacesOnlyASocketWithoutAListener) {
    asio::io_context io;
    FakeTarget target;
    Target bundle = target.bundle();
    const std::string path = ::testing::TempDir() + fmt::format("ringside-stale-{}.sock", ::getpid());
    {
        asio::local::stream_protocol::acceptor left_behind(io, asio::local::stream_protocol::endpoint(path));
        EXPECT_FALSE(Server::open(io, UnixEndpoint{path}, bundle));
    }
    EXPECT_TRUE(std::filesystem::exists(path));
    EXPECT_TRUE(Server::open(io, UnixEndpoint{path}, bundle));
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Endpoints, AreReadAndWritten) {
    const std::pair<const char*, const char*> cases[] = {{"tcp:127.0.0.1:1234", "tcp:127.0.0.1:1234"},
                                                         {"tcp:1234", "tcp:127.0.0.1:1234"},
                                                         {":0", "tcp:127.0.0.1:0"},
                                                         {"tcp::5", "tcp:127.0.0.1:5"},
                                                         {"65535", "tcp:127.0.0.1:65535"},
                                                         {"localhost:99", "tcp:localhost:99"},
                                                         {"tcp:0.0.0.0:99", "tcp:0.0.0.0:99"},
                                                         {"tcp:[::1]:99", "tcp:[::1]:99"},
                                                         {"unix:/tmp/a:b", "unix:/tmp/a:b"},
                                                         {"serial:/dev/ttyS1", "serial:/dev/ttyS1"},
                                                         {"stdio", "stdio"}};
    for (const auto& [text, expected] : cases) {
        const auto endpoint = parse_endpoint(text);
        ASSERT_TRUE(endpoint) << text;
        EXPECT_EQ(to_string(*endpoint), expected);
    }
}

TEST(Endpoints, ThatMakeNoSenseAreRefused) {
    for (const char* text : {"", ":", "tcp:", "tcp:65536", "tcp:-1", "tcp:a", "tcp:host", "tcp:::1:99",
                             "tcp:1 ", "unix:", "serial:", "stdio:", "udp:1:2"})
        EXPECT_FALSE(parse_endpoint(text)) << text;
}

}  // namespace
}  // namespace ringside::gdbstub
