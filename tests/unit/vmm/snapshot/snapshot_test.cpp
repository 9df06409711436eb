// A machine of scripted vCPUs is saved, changed and put back.

#include "vmm/snapshot/snapshot_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>

#include "tests/support/no_observer.h"
#include "tests/support/scripted_vcpu.h"
#include "tests/support/written_pages.h"
#include "vmm/snapshot/snapshot_store.h"

namespace ringside::snapshot {
namespace {

using ringside::testing::NoObserver;
using ringside::testing::ScriptedVcpu;
using ringside::testing::WrittenPages;

class Latch final : public machine::DeviceState {
  public:
    explicit Latch(std::byte& value) : value_(value) {}
    std::string_view name() const override { return "latch"; }
    std::size_t size() const override { return 1; }
    void save(std::span<std::byte> out) const override { out[0] = value_; }
    void restore(std::span<const std::byte> in) override { value_ = in[0]; }

  private:
    std::byte& value_;
};

class Disk final : public machine::OverlaidDisk {
  public:
    std::string_view name() const override { return "a.img"; }
    std::uint64_t size() const override { return machine::DiskClusters::kSize * 2 - 512; }
    machine::DiskClusters save() const override { return clusters; }
    void restore(const machine::DiskClusters& wanted) override { clusters = wanted; }
    void set(std::uint64_t number, std::byte value) {
        clusters.by_number[number] =
            std::make_shared<machine::DiskClusters::Cluster>(machine::DiskClusters::kSize, value);
    }
    machine::DiskClusters clusters;
};

class SnapshotTest : public ::testing::Test {
  protected:
    static constexpr std::uint64_t kMemory = 0x40000;
    static constexpr std::uint32_t kTsc = 0x10, kLstar = 0xc0000082, kDeadline = 0x6e0;

    SnapshotTest() {
        std::vector<std::unique_ptr<kvm::VcpuPort>> ports;
        for (std::uint32_t i = 0; i < 2; ++i) {
            auto port = std::make_unique<ScriptedVcpu>(VcpuIndex{i});
            port->msrs = {{kTsc, 1000}, {kLstar, 5}, {kDeadline, 0}};
            port->registers.rip = 0x1000 + i;
            vcpus.push_back(port.get());
            ports.push_back(std::move(port));
        }
        auto memory = std::move(machine::GuestMemory::create(kMemory).value());
        machine = machine::Machine::assemble(std::move(memory), {}, std::move(ports), observer);
        machine->set_dirty_pages(std::make_unique<WrittenPages>(written));
        machine->device_states().add(std::make_unique<Latch>(latch));
        machine->device_states().add_disk(disk);
        machine->start();
        byte(0x1234) = std::byte{7};
        store.emplace(*machine);
    }
    ~SnapshotTest() override { machine->stop(); }

    static kvm_nested_state vmx_header(std::optional<std::uint64_t> vmxon) {
        kvm_nested_state header{};
        header.size = sizeof header;
        header.hdr.vmx.vmxon_pa = vmxon.value_or(~std::uint64_t{0});
        header.hdr.vmx.vmcs12_pa = ~std::uint64_t{0};
        return header;
    }
    static kvm::NestedState vmx_state(std::optional<std::uint64_t> vmxon) {
        const auto header = vmx_header(vmxon);
        return kvm::nested_state(std::as_bytes(std::span(&header, 1)));
    }
    std::byte& byte(std::uint64_t at) { return machine->memory().span(Gpa{at}, 1)[0]; }
    // As a vCPU, whose KVM takes note.
    void write(std::uint64_t at, int value) {
        byte(at) = std::byte(value);
        written.pages.push_back(Gpa{at & ~(machine::kPageSize - 1)});
    }

    NoObserver observer;
    WrittenPages::Log written;
    std::byte latch{3};
    std::shared_ptr<Disk> disk = std::make_shared<Disk>();
    std::vector<ScriptedVcpu*> vcpus;
    std::unique_ptr<machine::Machine> machine;
    std::optional<SnapshotStore> store;
};

TEST_F(SnapshotTest, PutsEveryPartBack) {
    const auto snapshot = store->save("some");
    ASSERT_TRUE(snapshot);
    EXPECT_EQ((*snapshot)->memory.used(), 1U);
    for (ScriptedVcpu* vcpu : vcpus) {
        vcpu->registers.rip = 0;
        vcpu->registers.rax = 9;
        vcpu->system_registers.cr3 = 0x5000;
        vcpu->msrs[kTsc] = 5000;
        vcpu->msrs[kLstar] = 6;
        vcpu->run_state = KVM_MP_STATE_HALTED;
        vcpu->local_apic.regs[0x80] = 1;
    }
    latch = std::byte{4};
    write(0x1234, 8);
    write(0x20000, 1);
    const auto pages = store->restore("some");
    ASSERT_TRUE(pages);
    EXPECT_EQ(*pages, 2U);
    EXPECT_EQ(written.forgotten, 1);
    for (std::uint32_t i = 0; i < 2; ++i) {
        EXPECT_EQ(vcpus[i]->registers.rip, 0x1000 + i);
        EXPECT_EQ(vcpus[i]->registers.rax, 0U);
        EXPECT_EQ(vcpus[i]->system_registers.cr3, 0U);
        EXPECT_EQ(vcpus[i]->msrs[kTsc], 1000U);
        EXPECT_EQ(vcpus[i]->msrs[kLstar], 5U);
        EXPECT_EQ(vcpus[i]->run_state, std::uint32_t{KVM_MP_STATE_RUNNABLE});
        EXPECT_EQ(vcpus[i]->local_apic.regs[0x80], 0);
    }
    EXPECT_EQ(latch, std::byte{3});
    EXPECT_EQ(byte(0x1234), std::byte{7});
    EXPECT_EQ(byte(0x20000), std::byte{0});
}

TEST_F(SnapshotTest, OfASegmentThatIsUnusableTheAccessedBitIsNoDifference) {
    const auto image = [](std::uint8_t type, std::uint8_t unusable) {
        x86::SystemRegisters system;
        system.fs = {.type = type, .unusable = unusable};
        VcpuImage taken;
        VcpuImager::take_registers({}, system, taken);
        return taken;
    };
    EXPECT_TRUE(same_registers(image(2, 1), image(3, 1)));
    EXPECT_FALSE(same_registers(image(2, 0), image(3, 0)));
    EXPECT_FALSE(same_registers(image(2, 1), image(3, 0)));
}

TEST_F(SnapshotTest, MemoryThatIsTheSameKeepsItsTranslations) {
    const auto snapshot = store->save("some");
    ASSERT_TRUE(snapshot);
    EXPECT_EQ(store->restore("some"), std::uint64_t{0});
    EXPECT_EQ(written.forgotten, 0);
}

TEST_F(SnapshotTest, ATimersDeadlineIsSetAgainEvenIfItIsTheSame) {
    vcpus[1]->msrs[kDeadline] = 77;
    const auto snapshot = store->save("some");
    ASSERT_TRUE(snapshot);
    vcpus[1]->msrs[kDeadline] = 0;
    ASSERT_TRUE(store->restore("some"));
    EXPECT_EQ(vcpus[1]->msrs[kDeadline], 77U);
}

TEST_F(SnapshotTest, AHypervisorIsTakenOutOfVmxOperationBeforeAnythingElse) {
    const auto outside = vcpus[1]->nested = vmx_state(std::nullopt);
    const auto before = store->save("before");
    const auto inside = vcpus[1]->nested = vmx_state(0x2000);
    const auto snapshot = store->save("some");
    ASSERT_TRUE(before && snapshot);
    std::vector<bool> operations;
    vcpus[1]->on_set_nested = [&](const kvm::NestedState& state) -> Result<void> {
        operations.push_back(state.vmxon_region.has_value());
        vcpus[1]->nested = state;
        return {};
    };
    ASSERT_TRUE(store->restore("some"));
    EXPECT_TRUE(operations.empty()) << "it is the same";
    ASSERT_TRUE(store->restore("before"));
    EXPECT_TRUE(vcpus[1]->nested == outside);
    ASSERT_TRUE(store->restore("some"));
    EXPECT_TRUE(vcpus[1]->nested == inside);
    EXPECT_EQ(operations, (std::vector<bool>{false, true}));
}

TEST_F(SnapshotTest, ANestedStateThatTheHostRefusesIsAnError) {
    vcpus[1]->nested = vmx_state(0x2000);
    const auto snapshot = store->save("some");
    ASSERT_TRUE(snapshot);
    vcpus[1]->nested = {};
    vcpus[1]->on_set_nested = [](const kvm::NestedState&) { return failure("KVM_SET_NESTED_STATE", "no"); };
    EXPECT_FALSE(store->restore("some"));
}

TEST_F(SnapshotTest, ADeviceThatCannotBeSavedIsNamed) {
    machine->device_states().add_unsavable({"the disk a.img", "Start the machine with an overlay"});
    const auto refused = store->save("some");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("a.img"), std::string::npos);
    EXPECT_NE(refused.error().message().find("with an overlay"), std::string::npos);
}

TEST_F(SnapshotTest, HoldsWhatTheGuestHasWrittenToADisk) {
    disk->set(0, std::byte{1});
    const auto snapshot = store->save("some");
    ASSERT_TRUE(snapshot);
    EXPECT_EQ(machine::differences((*snapshot)->state.disks[0], disk->clusters), 0U);
    disk->set(0, std::byte{2});
    disk->set(1, std::byte{3});
    EXPECT_EQ(machine::differences((*snapshot)->state.disks[0], disk->clusters), 2U);
    ASSERT_TRUE(store->restore("some"));
    ASSERT_EQ(disk->clusters.by_number.size(), 1U);
    EXPECT_EQ(disk->clusters.by_number[0]->front(), std::byte{1});
}

// ---- As bytes of a file

class SnapshotFileTest : public SnapshotTest {
  protected:
    std::string refusal(std::span<const std::byte> bytes) {
        const auto read = from_bytes(*machine, bytes);
        return read ? std::string() : read.error().message();
    }
    void restore(std::span<const std::byte> bytes) {
        auto read = from_bytes(*machine, bytes);
        ASSERT_TRUE(read) << read.error().message();
        store->add("file", std::move(*read));
        ASSERT_TRUE(store->restore("file"));
    }
    std::vector<std::byte> saved() { return to_bytes(*machine, **store->save("some")); }
};

TEST_F(SnapshotFileTest, LeadsToTheSameMachine) {
    const auto bytes = saved();
    write(0x1234, 8);
    latch = std::byte{4};
    vcpus[1]->registers.rip = 0;
    restore(bytes);
    EXPECT_EQ(byte(0x1234), std::byte{7});
    EXPECT_EQ(latch, std::byte{3});
    EXPECT_EQ(vcpus[1]->registers.rip, 0x1001U);
}

TEST_F(SnapshotFileTest, HasTheDisks) {
    disk->set(1, std::byte{5});
    const auto bytes = saved();
    disk->clusters = {};
    restore(bytes);
    ASSERT_EQ(disk->clusters.by_number.size(), 1U);
    EXPECT_EQ(disk->clusters.by_number[1]->back(), std::byte{5});
}

TEST_F(SnapshotFileTest, DataBeyondTheEndOfADiskIsRefused) {
    disk->set(2, std::byte{5});
    EXPECT_NE(refusal(saved()).find("beyond the end of the disk a.img"), std::string::npos);
}

TEST_F(SnapshotFileTest, HasTheNestedState) {
    const auto wanted = vcpus[1]->nested = vmx_state(0x2000);
    const auto bytes = saved();
    vcpus[1]->nested = {};
    restore(bytes);
    EXPECT_TRUE(vcpus[1]->nested == wanted);
}

TEST_F(SnapshotFileTest, ANestedStateThatCannotBeOneIsRefused) {
    auto snapshot = **store->save("some");
    auto header = vmx_header(0x2000);
    const auto refusal_of = [&](std::vector<std::byte> raw) {
        std::memcpy(raw.data(), &header, std::min(raw.size(), sizeof header));
        snapshot.state.vcpus[1].nested.emplace().rest = std::move(raw);
        return refusal(to_bytes(*machine, snapshot));
    };
    EXPECT_NE(refusal_of(std::vector<std::byte>(2 * kvm::kNestedStateSize)).find("nested state has"),
              std::string::npos);
    EXPECT_NE(refusal_of(std::vector<std::byte>(4096)).find("another size"), std::string::npos);
    header.size = sizeof(header) + KVM_STATE_NESTED_VMX_VMCS_SIZE;
    header.hdr.vmx.vmcs12_pa = 0x3000;
    EXPECT_NE(refusal_of(std::vector<std::byte>(header.size)).find("another revision"), std::string::npos);
}

TEST_F(SnapshotFileTest, EveryTruncationIsRefused) {
    const auto bytes = saved();
    for (std::size_t size = 0; size < bytes.size(); ++size)
        ASSERT_NE(refusal(std::span(bytes).first(size)), "") << size;
    auto longer = bytes;
    longer.push_back(std::byte{0});
    EXPECT_NE(refusal(longer).find("something was added"), std::string::npos);
}

TEST_F(SnapshotFileTest, EveryDamagedByteIsNoticed) {
    auto bytes = saved();
    for (std::size_t at = 0; at < bytes.size(); at += 7) {
        bytes[at] ^= std::byte{0x10};
        ASSERT_NE(refusal(bytes), "") << at;
        bytes[at] ^= std::byte{0x10};
    }
    EXPECT_EQ(refusal(bytes), "");
}

TEST_F(SnapshotFileTest, ForeignFilesAreRefused) {
    EXPECT_NE(refusal({}), "");
    const std::vector<std::byte> zeroes(100000);
    EXPECT_NE(refusal(zeroes).find("no snapshot"), std::string::npos);
}

TEST_F(SnapshotFileTest, AnotherMachineIsRefusedByWhatDiffers) {
    const auto bytes = saved();
    std::byte other{};
    machine->device_states().add(std::make_unique<Latch>(other));
    EXPECT_NE(refusal(bytes).find("this one the device latch"), std::string::npos) << refusal(bytes);
}

}  // namespace
}  // namespace ringside::snapshot
