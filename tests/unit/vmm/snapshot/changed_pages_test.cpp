// A restore compares only pages that may have changed, and misses none.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "tests/support/no_observer.h"
#include "tests/support/scripted_vcpu.h"
#include "tests/support/written_pages.h"
#include "vmm/snapshot/snapshot_store.h"

namespace ringside::snapshot {
namespace {

using machine::kPageSize;
using ringside::testing::NoObserver;
using ringside::testing::ScriptedVcpu;
using ringside::testing::WrittenPages;

class ChangedPagesTest : public ::testing::Test {
  protected:
    static constexpr std::uint64_t kMemory = 0x40000;

    ChangedPagesTest() {
        std::vector<std::unique_ptr<kvm::VcpuPort>> ports;
        ports.push_back(std::make_unique<ScriptedVcpu>(VcpuIndex{0}));
        vcpu = static_cast<ScriptedVcpu*>(ports.front().get());
        vcpu->msrs = {{0x10, 1000}, {0x6e0, 0}};
        machine = machine::Machine::assemble(std::move(machine::GuestMemory::create(kMemory).value()), {},
                                             std::move(ports), observer);
        machine->set_dirty_pages(std::make_unique<WrittenPages>(log));
        machine->start();
        store.emplace(*machine);
    }
    ~ChangedPagesTest() override { machine->stop(); }

    std::span<std::byte> memory() { return machine->memory().span(Gpa{0}, kMemory); }
    std::byte& byte(std::uint64_t at) { return memory()[at]; }
    // As a vCPU, whose KVM takes note.
    void write(std::uint64_t at, int value) {
        byte(at) = std::byte(value);
        log.pages.push_back(Gpa{at & ~(kPageSize - 1)});
    }
    // As a device or the debugger.
    void monitor_writes(std::uint64_t at, int value) {
        const auto byte = static_cast<std::byte>(value);
        ASSERT_TRUE(machine->memory().write(Gpa{at}, {&byte, 1}));
    }
    void save(std::string_view name) { ASSERT_TRUE(store->save(name)); }
    std::uint64_t restore(std::string_view name) {
        const auto pages = store->restore(name);
        EXPECT_TRUE(pages);
        return pages.value_or(0);
    }
    std::vector<std::uint64_t> differences(std::string_view name) {
        std::vector<std::uint64_t> pages;
        store->for_each_difference(name, [&](Gpa page) { pages.push_back(page.value); });
        return pages;
    }
    // A page that nothing has reported is found only if all pages are compared.
    bool compares_everything(std::string_view name) {
        const std::byte before = std::exchange(byte(0x3f000), std::byte{0xee});
        restore(name);
        return std::exchange(byte(0x3f000), before) == before;
    }

    NoObserver observer;
    WrittenPages::Log log;
    ScriptedVcpu* vcpu = nullptr;
    std::unique_ptr<machine::Machine> machine;
    std::optional<SnapshotStore> store;
};

TEST_F(ChangedPagesTest, ThoseThatWereWrittenAreRestored) {
    write(0x5000, 1);
    save("some");
    write(0x5008, 2);
    write(0x7000, 3);
    monitor_writes(0x9000, 4);
    EXPECT_EQ(differences("some"), (std::vector<std::uint64_t>{0x5000, 0x7000, 0x9000}));
    EXPECT_EQ(restore("some"), 3U);
    EXPECT_EQ(byte(0x5000), std::byte{1});
    EXPECT_EQ(byte(0x5008), std::byte{0});
    EXPECT_EQ(byte(0x7000), std::byte{0});
    EXPECT_EQ(byte(0x9000), std::byte{0});
    EXPECT_EQ(restore("some"), 0U);
}

TEST_F(ChangedPagesTest, OthersAreNotLookedAt) {
    save("some");
    EXPECT_FALSE(compares_everything("some"));
}

TEST_F(ChangedPagesTest, EachSnapshotHasItsOwn) {
    save("first");
    write(0x1000, 1);
    save("second");
    write(0x2000, 2);
    EXPECT_EQ(differences("first"), (std::vector<std::uint64_t>{0x1000, 0x2000}));
    EXPECT_EQ(differences("second"), (std::vector<std::uint64_t>{0x2000}));
    EXPECT_EQ(restore("first"), 2U);
    EXPECT_EQ(differences("second"), (std::vector<std::uint64_t>{0x1000}));
    EXPECT_EQ(restore("second"), 1U);
    EXPECT_EQ(byte(0x1000), std::byte{1});
    EXPECT_EQ(byte(0x2000), std::byte{0});
}

TEST_F(ChangedPagesTest, SnapshotsShareThePagesThatTheyHaveInCommon) {
    write(0x1000, 1);
    write(0x2000, 2);
    save("first");
    write(0x2000, 3);
    save("second");
    const auto &first = store->find("first")->memory, &second = store->find("second")->memory;
    EXPECT_EQ(second.used(), 2U);
    EXPECT_EQ(first.at(Gpa{0x1000}).data(), second.at(Gpa{0x1000}).data());
    EXPECT_EQ(first.at(Gpa{0x2000})[0], std::byte{2});
    EXPECT_EQ(second.at(Gpa{0x2000})[0], std::byte{3});
    store->remove("first");
    write(0x1000, 9);
    restore("second");
    EXPECT_EQ(byte(0x1000), std::byte{1});
}

TEST_F(ChangedPagesTest, AReplacedSnapshotIsTheNewOne) {
    write(0x1000, 1);
    save("some");
    write(0x1000, 2);
    save("some");
    write(0x1000, 3);
    EXPECT_EQ(restore("some"), 1U);
    EXPECT_EQ(byte(0x1000), std::byte{2});
}

TEST_F(ChangedPagesTest, TheHostIsAskedFromTheFirstToTheLast) {
    EXPECT_EQ(log.started, 0);
    save("first");
    save("second");
    EXPECT_EQ(log.started, 1);
    store->remove("first");
    store->watch();
    EXPECT_EQ(log.stopped, 0);
    store->remove("second");
    store->watch();
    EXPECT_EQ(log.stopped, 1);
    EXPECT_FALSE(store->watching());
    save("third");
    EXPECT_EQ(log.started, 2);
    store.reset();
    EXPECT_EQ(log.stopped, 2);
}

// ---- When it is unknown what was written, everything is compared

TEST_F(ChangedPagesTest, RingsAreNotUsed) {
    log.unlimited = false;
    save("some");
    EXPECT_EQ(log.started, 0);
    EXPECT_TRUE(compares_everything("some"));
}

TEST_F(ChangedPagesTest, AFailureOfTheHostLosesNothing) {
    save("some");
    log.fails = true;
    EXPECT_TRUE(compares_everything("some"));
    log.fails = false;
    EXPECT_TRUE(compares_everything("some")) << "some pages may not have been named";
}

TEST_F(ChangedPagesTest, AnotherVmHasOtherMemory) {
    save("some");
    machine->dirty_pages()->replace_source(std::make_unique<WrittenPages>(log));
    EXPECT_EQ(log.started, 2) << "the new one is asked, too";
    EXPECT_TRUE(compares_everything("some"));
    EXPECT_FALSE(compares_everything("some"));
}

TEST_F(ChangedPagesTest, AnInnerGuestsProcessorWritesUnseen) {
    save("some");
    kvm_nested_state header{};
    header.size = sizeof header;
    header.flags = KVM_STATE_NESTED_GUEST_MODE;
    header.hdr.vmx.vmxon_pa = 0x2000;
    header.hdr.vmx.vmcs12_pa = 0x3000;
    vcpu->nested = kvm::nested_state(std::as_bytes(std::span(&header, 1)));
    EXPECT_TRUE(compares_everything("some"));
}

TEST_F(ChangedPagesTest, OneFromElsewhereIsComparedOnce) {
    write(0x1000, 1);
    save("some");
    Snapshot copy = *store->find("some");
    copy.changed.reset();
    write(0x1000, 2);
    store->add("file", std::move(copy));
    EXPECT_TRUE(compares_everything("file"));
    EXPECT_FALSE(compares_everything("file"));
    EXPECT_EQ(byte(0x1000), std::byte{1});
}

// ---- Against copies of the whole memory

class RandomPagesTest : public ChangedPagesTest, public ::testing::WithParamInterface<unsigned> {};

TEST_P(RandomPagesTest, MemoryIsTheWholeCopys) {
    std::mt19937 random(GetParam());
    const auto below = [&](unsigned limit) {
        return std::uniform_int_distribution<unsigned>(0, limit - 1)(random);
    };
    std::map<std::string, std::vector<std::byte>> copies;
    for (int round = 0; round < 800; ++round) {
        const std::string name(1, static_cast<char>('a' + below(4)));
        const bool there = copies.contains(name);
        const unsigned what = below(20);
        if (what < 8) {
            write(below(kMemory), static_cast<int>(below(3)));
        } else if (what < 14) {
            monitor_writes(below(kMemory), static_cast<int>(below(3)));
        } else if (what < 16) {
            save(name);
            copies[name].assign(memory().begin(), memory().end());
        } else if (there && what < 18) {
            restore(name);
            ASSERT_TRUE(std::ranges::equal(memory(), copies[name])) << "round " << round;
        } else if (there && what == 18) {
            std::vector<std::uint64_t> wanted;
            for (std::uint64_t at = 0; at < kMemory; at += kPageSize) {
                if (!std::ranges::equal(memory().subspan(at, kPageSize),
                                        std::span(copies[name]).subspan(at, kPageSize)))
                    wanted.push_back(at);
            }
            ASSERT_EQ(differences(name), wanted) << "round " << round;
        } else if (there && below(4) == 0) {
            store->remove(name);
            store->watch();
            copies.erase(name);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomPagesTest, ::testing::Range(0U, 8U));

}  // namespace
}  // namespace ringside::snapshot
