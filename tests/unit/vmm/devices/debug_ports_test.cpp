#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vmm/devices/fakes.h"
#include "vmm/devices/debug_console.h"
#include "vmm/devices/debug_exit.h"
#include "vmm/devices/panic_port.h"

namespace ringside::devices {
namespace {

TEST(DebugExit, StatusIsTwiceTheValuePlusOne) {
    FakeMachine machine;
    DebugExit port(machine);
    out(port, 0, 0x00);
    out(port, 0, 0x10);
    out(port, 0, 0xff);
    EXPECT_THAT(machine.exits, testing::ElementsAre(1, 0x21, 0xff));
}

TEST(DebugExit, AWideWriteIsOneExit) {
    FakeMachine machine;
    DebugExit port(machine);
    const std::array<std::byte, 4> word{std::byte{0x02}, std::byte{0x01}, std::byte{0}, std::byte{0}};
    port.write(0, word);
    port.write(0, std::span(word).first(2));
    EXPECT_THAT(machine.exits, testing::ElementsAre(5, 5));
}

TEST(DebugExit, OtherOffsetsDoNothing) {
    FakeMachine machine;
    DebugExit port(machine);
    out(port, 1, 0x00);
    EXPECT_TRUE(machine.exits.empty());
    EXPECT_EQ(in(port, 0), 0xff);
}

TEST(DebugConsole, WritesCharactersAndShowsItsSignature) {
    StringSink sink;
    DebugConsole console(sink);
    for (const char c : std::string("boot"))
        out(console, 0, static_cast<std::uint8_t>(c));
    EXPECT_EQ(sink.text, "boot");
    EXPECT_EQ(in(console, 0), 0xe9);
}

TEST(PanicPort, ReportsOnlyAPanic) {
    FakeMachine machine;
    PanicPort port(machine);
    EXPECT_EQ(in(port, 0), 1);
    out(port, 0, 0x02);  // a crash kernel takes over
    EXPECT_EQ(machine.panics, 0);
    out(port, 0, 0x01);
    EXPECT_EQ(machine.panics, 1);
}

}  // namespace
}  // namespace ringside::devices
