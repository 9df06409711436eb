// Pages that are moved to a mapping of their own and back, as the monitor sees them. That a guest cannot write them is
// shown by the probes of vmm/debug/host and by tests/integration/test_protected_pages.py.

#include "vmm/machine/write_protection.h"

#include <optional>

#include <gtest/gtest.h>

#include "vmm/kvm/system.h"
#include "vmm/machine/populated_pages.h"

namespace ringside::machine {
namespace {

class WriteProtectionTest : public ::testing::Test {
  protected:
    static constexpr std::uint64_t kSize = 0x100000;

    void SetUp() override {
        const auto system = kvm::System::open();
        if (!system)
            GTEST_SKIP() << system.error().message();
        vm.emplace(std::move(system->create_vm().value()));
        slots.emplace(*vm, memory);
        ASSERT_TRUE(slots->create());
        dirty.emplace(memory, kvm_dirty_pages(*vm, *slots, {}));
        protection.emplace(memory, *slots, *dirty);
        write(0x3123, 7);
    }
    void write(std::uint64_t at, std::uint8_t value) {
        const std::byte byte{value};
        ASSERT_TRUE(memory.write(Gpa{at}, {&byte, 1}));
    }
    int read(std::uint64_t at) const { return std::to_integer<int>(memory.span(Gpa{at}, 1)[0]); }
    std::size_t slot_count() const { return slots->slots().size(); }

    GuestMemory memory = std::move(GuestMemory::create(kSize).value());
    std::optional<kvm::Vm> vm;
    std::optional<MemorySlots> slots;
    std::optional<DirtyPages> dirty;
    std::optional<KvmWriteProtection> protection;
};

TEST_F(WriteProtectionTest, TheMonitorReadsAndWritesProtectedPages) {
    const Gpa pages[] = {Gpa{0x3000}, Gpa{0x8000}};
    ASSERT_TRUE(protection->set(pages));
    EXPECT_TRUE(protection->closed());
    EXPECT_EQ(slot_count(), 5U);
    EXPECT_EQ(read(0x3123), 7);
    write(0x3123, 8);
    EXPECT_EQ(read(0x3123), 8);
    EXPECT_EQ(std::to_integer<int>(slots->slots()[1].host[0x123]), 8) << "KVM finds another page";
}

TEST_F(WriteProtectionTest, ContentsStayWhenPagesAreNoLongerProtected) {
    const Gpa first[] = {Gpa{0x3000}};
    const Gpa second[] = {Gpa{0x4000}};
    ASSERT_TRUE(protection->set(first));
    write(0x3124, 9);
    ASSERT_TRUE(protection->set(second));
    EXPECT_EQ(read(0x3123), 7);
    EXPECT_EQ(read(0x3124), 9);
    ASSERT_TRUE(protection->set({}));
    EXPECT_FALSE(protection->closed());
    EXPECT_EQ(slot_count(), 1U);
    EXPECT_EQ(read(0x3124), 9);
}

TEST_F(WriteProtectionTest, TheSamePagesAreOnlyClosedAgain) {
    const Gpa pages[] = {Gpa{0x3000}};
    ASSERT_TRUE(protection->set(pages));
    const auto* const kvms = slots->slots()[1].host;
    ASSERT_TRUE(protection->open());
    EXPECT_FALSE(protection->closed());
    ASSERT_TRUE(protection->set(pages));
    EXPECT_TRUE(protection->closed());
    EXPECT_EQ(slots->slots()[1].host, kvms);
}

TEST_F(WriteProtectionTest, AProtectedPageCountsAsPopulated) {
    const Gpa pages[] = {Gpa{0x3000}};
    ASSERT_TRUE(protection->set(pages));
    const auto run = PopulatedPages(memory.regions()[0]).next(0x3000);
    ASSERT_TRUE(run);
    EXPECT_EQ(run->start, 0x3000U);
}

TEST_F(WriteProtectionTest, RomsAndFilesAreNotProtected) {
    EXPECT_TRUE(protection->can_protect(Gpa{0xff000}));
    EXPECT_FALSE(protection->can_protect(Gpa{kSize})) << "not backed";
    ASSERT_TRUE(memory.add(std::move(MemoryRegion::allocate(Gpa{0x200000}, 0x1000, true).value())));
    EXPECT_FALSE(protection->can_protect(Gpa{0x200000})) << "a ROM";
}

TEST_F(WriteProtectionTest, LoggingGoesOnOverAChangeOfSlots) {
    class Pages final : public DirtyPages::Reader {
      public:
        void page_written(Gpa page) override { written.push_back(page); }
        void all_written() override {}
        std::vector<Gpa> written;
    } reader;
    ASSERT_TRUE(dirty->add(reader));
    write(0x5000, 1);
    const Gpa pages[] = {Gpa{0x3000}};
    ASSERT_TRUE(protection->set(pages));
    EXPECT_EQ(reader.written, std::vector{Gpa{0x5000}});
    ASSERT_TRUE(dirty->collect());
    ASSERT_TRUE(dirty->remove(reader));
}

TEST_F(WriteProtectionTest, ARestartedMachineHasNoneLeft) {
    const Gpa pages[] = {Gpa{0x3000}};
    ASSERT_TRUE(protection->set(pages));
    protection->forget();
    EXPECT_TRUE(protection->pages().empty());
    EXPECT_FALSE(protection->closed());
}

}  // namespace
}  // namespace ringside::machine
