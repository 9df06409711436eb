#include "vmm/devices/virtio/queue.h"

#include "tests/support/noted_writes.h"
#include "tests/unit/vmm/devices/virtio/driver_test.h"

namespace ringside::devices::virtio {
namespace {

using testing::DescriptorEntry;

// Records what it gets and returns nothing on its own.
class IdleDevice final : public Device {
  public:
    Identity identity() const override { return {42, "virtio idle", 0, 1}; }
    void start(Transport&, asio::io_context&) override {}
    void on_kick(unsigned) override {}
};

class VirtioQueue : public ::testing::Test {
  protected:
    void SetUp() override { driver_.set_up(); }
    bool next() { return driver_.transport().enter()->next(0, chain_); }
    void finish(std::uint32_t written = 0) { driver_.transport().enter()->finish(0, chain_, written); }
    // Offers descriptor 0 and expects that the device refuses the chain in these words.
    void expect_refused(const char* words) {
        driver_.offer(0, 0);
        EXPECT_FALSE(next());
        EXPECT_TRUE(driver_.needs_reset());
        ASSERT_EQ(driver_.reports.size(), 1U);
        EXPECT_THAT(driver_.reports[0], HasSubstr(words));
        EXPECT_EQ(driver_.used_index(0), 0);
    }
    void put(std::uint16_t index, const DescriptorEntry& entry) {
        driver_.put_descriptor(driver_.descriptors(0), index, entry);
    }
    void put_indirect(std::uint16_t index, const DescriptorEntry& entry) {
        driver_.put_descriptor(FakeDriver::indirect_table(), index, entry);
    }

    IdleDevice device_;
    FakeDriver driver_{device_};
    Chain chain_;
};

TEST_F(VirtioQueue, PiecesAreTwoRunsOfBytes) {
    const auto places = driver_.add(0, {out(bytes("Hello, ")), out(bytes("world")), room(3), room(8)});
    ASSERT_TRUE(next());
    EXPECT_EQ(chain_.readable(), 12U);
    EXPECT_EQ(chain_.writable(), 11U);
    std::array<std::byte, 8> some{};
    EXPECT_EQ(chain_.read(5, some), 7U);
    EXPECT_EQ(std::memcmp(some.data(), ", world", 7), 0);
    EXPECT_EQ(chain_.write(1, bytes("abcdefgh")), 8U);
    EXPECT_EQ(driver_.text_at(places[2] + 1, 2), "ab");
    EXPECT_EQ(driver_.text_at(places[3], 6), "cdefgh");
    EXPECT_EQ(chain_.write(9, bytes("xyz")), 2U) << "not behind the end";
    EXPECT_EQ(chain_.read(12, some), 0U);
}

TEST_F(VirtioQueue, AChainStaysUntilItIsFinished) {
    driver_.add(0, {room(1)});
    driver_.add(0, {room(2)});
    ASSERT_TRUE(next());
    ASSERT_TRUE(next());
    EXPECT_EQ(chain_.writable(), 1U);
    finish(1);
    EXPECT_EQ(driver_.take_used(0), 1U);
    ASSERT_TRUE(next());
    EXPECT_EQ(chain_.writable(), 2U);
    finish(2);
    EXPECT_FALSE(next());
}

TEST_F(VirtioQueue, WhatTheDeviceWritesIsReported) {
    const auto places = driver_.add(0, {room(1)});
    ringside::testing::NotedWrites noted;
    driver_.memory().set_write_listener(&noted);
    ASSERT_TRUE(next());
    EXPECT_FALSE(noted.cover(Gpa{driver_.used(0)}));
    chain_.write(0, bytes("a"));
    finish(1);
    EXPECT_TRUE(noted.cover(Gpa{places[0]}));
    EXPECT_TRUE(noted.cover(Gpa{driver_.used(0) + 2})) << "the used ring's index";
    EXPECT_TRUE(noted.cover(Gpa{driver_.used(0) + 4})) << "its first entry";
    driver_.memory().set_write_listener(nullptr);
}

TEST_F(VirtioQueue, IndicesWrapAround) {
    for (unsigned i = 0; i < 0x10000 + 5; ++i) {
        driver_.add(0, {room(1)});
        ASSERT_TRUE(next());
        finish(i % 7);
        ASSERT_EQ(driver_.take_used(0), i % 7);
    }
    EXPECT_FALSE(driver_.needs_reset());
}

TEST_F(VirtioQueue, AFullQueueIsTaken) {
    for (int i = 0; i < FakeDriver::kQueueSize; ++i)
        driver_.add(0, {room(1)});
    for (int i = 0; i < FakeDriver::kQueueSize; ++i) {
        ASSERT_TRUE(next());
        finish();
    }
    EXPECT_FALSE(next());
}

TEST_F(VirtioQueue, ATableOfIndirectDescriptorsFollowsDirectOnes) {
    put(0, {FakeDriver::kBuffers, 4, kDescriptorNext, 1});
    put(1, {FakeDriver::indirect_table(), 32, kDescriptorIndirect, 0});
    put_indirect(0, {FakeDriver::kBuffers, 8, kDescriptorNext, 1});
    put_indirect(1, {FakeDriver::kBuffers, 16, kDescriptorWrite, 0});
    driver_.offer(0, 0);
    ASSERT_TRUE(next());
    EXPECT_EQ(chain_.readable(), 12U);
    EXPECT_EQ(chain_.writable(), 16U);
}

TEST_F(VirtioQueue, EmptyPiecesAreNothing) {
    put(0, {0xdead0000, 0, kDescriptorNext, 1});
    put(1, {FakeDriver::kBuffers, 8, kDescriptorWrite, 0});
    driver_.offer(0, 0);
    ASSERT_TRUE(next());
    EXPECT_EQ(chain_.readable(), 0U);
    EXPECT_EQ(chain_.writable(), 8U);
}

// ---- Interrupts and notifications

TEST_F(VirtioQueue, InterruptsComeOnlyWhenTheDriverWantsThem) {
    driver_.set_up(kFeatureVersion1);
    driver_.poke<std::uint16_t>(driver_.available(0), kAvailableNoInterrupt);
    driver_.add(0, {room(1)});
    ASSERT_TRUE(next());
    finish();
    EXPECT_FALSE(driver_.line().level);
    driver_.poke<std::uint16_t>(driver_.available(0), 0);
    driver_.add(0, {room(1)});
    ASSERT_TRUE(next());
    finish();
    EXPECT_TRUE(driver_.line().level);
}

TEST_F(VirtioQueue, UsedEventSaysWhichCompletionInterrupts) {
    const std::uint64_t used_event = driver_.available(0) + 4 + 2 * FakeDriver::kQueueSize;
    driver_.poke<std::uint16_t>(used_event, 2);  // the third one
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(driver_.line().level) << i;
        driver_.add(0, {room(1)});
        ASSERT_TRUE(next());
        finish();
    }
    EXPECT_TRUE(driver_.line().level);
}

TEST_F(VirtioQueue, AnEmptyQueueAsksToBeNotified) {
    const std::uint64_t avail_event = driver_.used(0) + 4 + 8 * FakeDriver::kQueueSize;
    for (std::uint16_t i = 0; i < 3; ++i) {
        EXPECT_FALSE(next());
        EXPECT_EQ(driver_.peek<std::uint16_t>(avail_event), i);
        driver_.add(0, {room(1)});
        ASSERT_TRUE(next());
        finish();
    }
}

// ---- Hostile drivers

TEST_F(VirtioQueue, RefusesAHeadOutsideTheTable) {
    driver_.offer(0, FakeDriver::kQueueSize);
    EXPECT_FALSE(next());
    EXPECT_TRUE(driver_.needs_reset());
}

TEST_F(VirtioQueue, RefusesANextOutsideTheTable) {
    put(0, {FakeDriver::kBuffers, 8, kDescriptorNext, 0xfff0});
    expect_refused("descriptor 65520 of a table of 8");
}

TEST_F(VirtioQueue, RefusesALoop) {
    put(0, {FakeDriver::kBuffers, 8, kDescriptorNext, 1});
    put(1, {FakeDriver::kBuffers, 8, kDescriptorNext, 0});
    expect_refused("loop");
}

TEST_F(VirtioQueue, RefusesADescriptorThatIsItsOwnNext) {
    put(0, {FakeDriver::kBuffers, 0, kDescriptorNext, 0});
    expect_refused("loop");
}

TEST_F(VirtioQueue, RefusesAnIndirectLoop) {
    put(0, {FakeDriver::indirect_table(), 16, kDescriptorIndirect, 0});
    put_indirect(0, {FakeDriver::kBuffers, 8, kDescriptorNext, 0});
    expect_refused("loop");
}

TEST_F(VirtioQueue, RefusesAnOverlongIndirectChain) {
    constexpr std::uint16_t kEntries = Queue::kLongestChain + 1;
    put(0, {FakeDriver::indirect_table(), 16 * kEntries, kDescriptorIndirect, 0});
    for (std::uint16_t i = 0; i < kEntries; ++i)
        put_indirect(i, {FakeDriver::kBuffers, 1, kDescriptorNext, static_cast<std::uint16_t>(i + 1)});
    expect_refused("more than 256");
}

TEST_F(VirtioQueue, RefusesABufferOutsideRam) {
    put(0, {FakeDriver::kMemory, 8, kDescriptorWrite, 0});
    expect_refused("0x400000, 8 bytes");
}

TEST_F(VirtioQueue, RefusesABufferThatRunsOutOfRam) {
    put(0, {FakeDriver::kMemory - 4, 8, 0, 0});
    expect_refused("not in memory");
}

TEST_F(VirtioQueue, RefusesABufferWhoseEndOverflows) {
    put(0, {0xfffffffffffffff8, 0xffffffff, kDescriptorWrite, 0});
    expect_refused("0xfffffffffffffff8");
}

TEST_F(VirtioQueue, RefusesToWriteIntoARom) {
    ASSERT_TRUE(driver_.memory().add(machine::MemoryRegion::allocate(Gpa{0xff000000}, 0x1000, true).value()));
    put(0, {0xff000000, 8, 0, 0});
    driver_.offer(0, 0);
    ASSERT_TRUE(next()) << "reading is fine";
    finish();
    put(0, {0xff000000, 8, kDescriptorWrite, 0});
    driver_.offer(0, 0);
    EXPECT_FALSE(next());
    EXPECT_THAT(driver_.reports.at(0), HasSubstr("writable RAM"));
}

TEST_F(VirtioQueue, RefusesAReadBehindAWrite) {
    put(0, {FakeDriver::kBuffers, 8, kDescriptorWrite | kDescriptorNext, 1});
    put(1, {FakeDriver::kBuffers, 8, 0, 0});
    expect_refused("to be read after one to be written");
}

TEST_F(VirtioQueue, RefusesANestedIndirectTable) {
    put(0, {FakeDriver::indirect_table(), 32, kDescriptorIndirect, 0});
    put_indirect(0, {FakeDriver::indirect_table(), 16, kDescriptorIndirect, 0});
    expect_refused("within an indirect table");
}

TEST_F(VirtioQueue, RefusesAnIndirectTableThatWasNotNegotiated) {
    driver_.set_up(kFeatureVersion1);
    put(0, {FakeDriver::indirect_table(), 16, kDescriptorIndirect, 0});
    put_indirect(0, {FakeDriver::kBuffers, 8, 0, 0});
    expect_refused("not negotiated");
}

TEST_F(VirtioQueue, RefusesAnIndirectDescriptorWithANextOne) {
    put(0, {FakeDriver::indirect_table(), 16, kDescriptorIndirect | kDescriptorNext, 1});
    expect_refused("has a next one");
}

TEST_F(VirtioQueue, RefusesAnIndirectTableOfABadSize) {
    put(0, {FakeDriver::indirect_table(), 15, kDescriptorIndirect, 0});
    expect_refused("table of 15 bytes");
}

TEST_F(VirtioQueue, RefusesAnEmptyIndirectTable) {
    put(0, {FakeDriver::indirect_table(), 0, kDescriptorIndirect, 0});
    expect_refused("table of 0 bytes");
}

TEST_F(VirtioQueue, RefusesAnIndirectTableOutsideRam) {
    put(0, {0xffffffffffffff00, 0xfffffff0, kDescriptorIndirect, 0});
    expect_refused("not in RAM");
}

TEST_F(VirtioQueue, RefusesAnAvailableIndexThatRunsAhead) {
    driver_.poke<std::uint16_t>(driver_.available(0) + 2, FakeDriver::kQueueSize + 1);
    EXPECT_FALSE(next());
    EXPECT_THAT(driver_.reports.at(0), HasSubstr("runs 9 entries ahead in a queue of 8"));
}

TEST_F(VirtioQueue, RefusesAnAvailableIndexThatRunsBackwards) {
    driver_.add(0, {room(1)});
    ASSERT_TRUE(next());
    finish();
    driver_.poke<std::uint16_t>(driver_.available(0) + 2, 0);
    EXPECT_FALSE(next());
    EXPECT_TRUE(driver_.needs_reset());
}

}  // namespace
}  // namespace ringside::devices::virtio
