#include "vmm/devices/virtio/specs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::devices::virtio {
namespace {

using ::testing::ElementsAre;

TEST(VirtioSpecs, Disks) {
    EXPECT_EQ(parse_disk("a.img")->path, "a.img");
    EXPECT_FALSE(parse_disk("a.img")->read_only);
    EXPECT_TRUE(parse_disk("a.img,ro")->read_only);
    EXPECT_FALSE(parse_disk("a.img,ro")->overlay);
    EXPECT_TRUE(parse_disk("a.img,overlay")->overlay);
    EXPECT_FALSE(parse_disk("a.img,overlay")->read_only);
    for (const char* wrong : {"", ",ro", "a.img,", "a.img,rw", "a.img,ro,ro,x"})
        EXPECT_FALSE(parse_disk(wrong)) << wrong;
}

TEST(VirtioSpecs, Networks) {
    EXPECT_EQ(std::get<NetSpec::Tap>(parse_net("tap:tap0")->backend).interface, "tap0");
    EXPECT_EQ(std::get<NetSpec::Passt>(parse_net("passt")->backend).socket, "");
    EXPECT_EQ(std::get<NetSpec::Passt>(parse_net("passt:/tmp/p")->backend).socket, "/tmp/p");
    EXPECT_FALSE(parse_net("passt")->mac);
    EXPECT_THAT(*parse_net("tap:t,mac=52:54:00:ab:CD:ef")->mac, ElementsAre(0x52, 0x54, 0, 0xab, 0xcd, 0xef));
    for (const char* wrong :
         {"", "tap", "tap:", "user", "passt:", "tap:t,x", "tap:t,mac=", "tap:t,mac=52:54:00:ab:cd",
          "tap:t,mac=01:00:00:00:00:00", "tap:t,mac=52-54-00-ab-cd-ef", "tap:t,mac=52:54:00:ab:cd:+1"})
        EXPECT_FALSE(parse_net(wrong)) << wrong;
}

TEST(VirtioSpecs, Sockets) {
    EXPECT_EQ(parse_vsock("3,/tmp/v,w")->cid, 3U);
    EXPECT_EQ(parse_vsock("3,/tmp/v,w")->path, "/tmp/v,w");
    for (const char* wrong :
         {"", "3", "3,", "2,/tmp/v", "4294967295,/tmp/v", "x,/tmp/v", "-1,/tmp/v", ",/tmp/v"})
        EXPECT_FALSE(parse_vsock(wrong)) << wrong;
}

}  // namespace
}  // namespace ringside::devices::virtio
