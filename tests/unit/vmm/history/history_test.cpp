// A history over made-up states: thousands of random steps back and forth lead to the states that were passed.

#include "vmm/history/history.h"
#include "vmm/history/last_change.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace ringside::history {
namespace {

using snapshot::Depth;
using snapshot::MachineImage;

class HistoryTest : public ::testing::Test {
  protected:
    static constexpr std::size_t kDeviceBytes = 100;

    void start(std::size_t limit) {
        history.emplace(StepLog(limit), image, std::move(MemoryShadow::create(memory).value()));
        remember();
    }
    // What the guest does in one step: some registers, some bytes, now and then a device or the local APIC.
    void step(Change change = Change::Step) {
        auto depth = Depth::Registers;
        image.vcpu({}).general.rip += random() % 16;
        image.vcpu({}).general.rax = random();
        if (random() % 8 == 0) {
            depth = Depth::Everything;
            image.devices()[random() % kDeviceBytes] = static_cast<std::byte>(random());
            image.vcpu({}).lapic.regs[random() % 1024] = static_cast<char>(random());
        }
        std::vector<Gpa> dirty;
        for (unsigned i = 0; i < random() % 3; ++i) {
            const Gpa at{random() % (kMemory - 8)};
            for (auto& byte : memory.span(at, 8))
                byte = static_cast<std::byte>(random());
            dirty.push_back(Gpa{at.value & ~std::uint64_t{4095}});
            dirty.push_back(Gpa{(at.value + 7) & ~std::uint64_t{4095}});
        }
        history->append(image, {}, depth, dirty, change);
        remember();
    }
    void remember() {
        const auto bytes = memory.span(Gpa{0}, kMemory);
        states.push_back({image, {bytes.begin(), bytes.end()}});
    }
    void expect_state(std::uint64_t position) {
        const auto& [wanted, bytes] = states.at(position);
        ASSERT_TRUE(history->image() == wanted) << position;
        ASSERT_EQ(std::memcmp(memory.span(Gpa{0}, kMemory).data(), bytes.data(), bytes.size()), 0)
            << position;
    }

    static constexpr std::uint64_t kMemory = 0x4000;
    std::mt19937 random{7};
    machine::GuestMemory memory = std::move(machine::GuestMemory::create(kMemory).value());
    MachineImage image{1, kDeviceBytes};
    std::optional<History> history;
    std::vector<std::pair<MachineImage, std::vector<std::byte>>> states;  // by position
};

TEST_F(HistoryTest, EveryStateIsReachedAgainFromBothSides) {
    start(std::size_t{4} << 20);
    for (int i = 0; i < 1000; ++i)
        step();
    for (int i = 0; i < 5000; ++i) {
        if (random() % 2 == 0 ? !history->at_begin() : history->at_end())
            history->undo();
        else
            history->redo();
        expect_state(history->position());
    }
}

TEST_F(HistoryTest, TheOldestAreDroppedAndTheRestIsWhole) {
    start(StepLog::kLeast);
    for (int i = 0; i < 3000; ++i)
        step();
    EXPECT_GT(history->log().begin(), 0U);
    while (!history->at_begin())
        history->undo();
    expect_state(history->log().begin());
    while (!history->at_end())
        history->redo();
    expect_state(3000);
}

TEST_F(HistoryTest, ACutFutureIsReplacedByAnother) {
    start(std::size_t{4} << 20);
    for (int i = 0; i < 100; ++i)
        step();
    while (history->position() > 40)
        history->undo();
    EXPECT_EQ(history->cut(), 60U);
    image = history->image();
    states.erase(states.begin() + 41, states.end());
    for (int i = 0; i < 50; ++i)
        step();
    while (!history->at_begin()) {
        history->undo();
        expect_state(history->position());
    }
}

TEST_F(HistoryTest, WhatChangesNothingIsNoRecordUnlessItIsAStep) {
    start(std::size_t{1} << 20);
    history->append(image, {}, Depth::Everything, {}, Change::Other);
    EXPECT_EQ(history->log().end(), 0U);
    history->append(image, {}, Depth::Everything, {}, Change::Step);
    EXPECT_EQ(history->log().end(), 1U);
}

TEST_F(HistoryTest, LooksAtAnotherPlaceAndStaysWhereItIs) {
    start(std::size_t{1} << 20);
    for (int i = 0; i < 100; ++i)
        step();
    history->move_to(50);
    expect_state(50);
    for (const std::uint64_t other : {0U, 20U, 50U, 100U})
        EXPECT_EQ(history->as_of(other, [&] { return history->image().vcpu({}).general.rax; }),
                  states[other].first.vcpu({}).general.rax);
    expect_state(50);
}

TEST_F(HistoryTest, ACutTakesTheBookmarksOfTheFutureAlong) {
    start(std::size_t{1} << 20);
    for (int i = 0; i < 100; ++i)
        step();
    history->bookmarks() = {{"early", 30}, {"here", 50}, {"late", 51}};
    history->move_to(50);
    history->cut();
    EXPECT_EQ(history->bookmarks().size(), 2U);
    EXPECT_FALSE(history->bookmarks().contains("late"));
}

// By comparing every state that was passed.
TEST_F(HistoryTest, FindsTheLastChangeOfMemory) {
    start(std::size_t{4} << 20);
    for (int i = 0; i < 2000; ++i)
        step();
    for (int i = 0; i < 300; ++i) {
        history->move_to(random() % 2001);
        const std::uint64_t at = random() % (kMemory - 16), size = 1 + random() % 16;
        std::optional<std::uint64_t> wanted;
        for (std::uint64_t n = history->position(); n-- > 0 && !wanted;) {
            if (std::memcmp(&states[n].second[at], &states[n + 1].second[at], size) != 0)
                wanted = n;
        }
        const MemoryPart parts[] = {{Gpa{at}, size / 2}, {Gpa{at + size / 2}, size - size / 2}};
        EXPECT_EQ(last_memory_change(*history, parts), wanted) << at << " " << size;
    }
}

TEST_F(HistoryTest, FindsTheLastChangeOfARegister) {
    start(std::size_t{4} << 20);
    for (int i = 0; i < 50; ++i) {
        image.vcpu({}).general.rbx = static_cast<std::uint64_t>(i / 20);
        step();
    }
    const auto last = [&] {
        return last_image_change(*history, [now = history->image().vcpu({}).general.rbx](const auto& then) {
            return then.vcpu({}).general.rbx == now;
        });
    };
    EXPECT_EQ(last(), std::optional<std::uint64_t>(40));
    history->move_to(40);
    EXPECT_EQ(last(), std::optional<std::uint64_t>(20));
    history->move_to(20);
    EXPECT_EQ(last(), std::nullopt);
}

}  // namespace
}  // namespace ringside::history
