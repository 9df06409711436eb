// A virtual machine in one piece: memory, buses, interrupt controllers and vCPU threads.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arch/x86_64/cpu_state.h"
#include "vmm/kvm/vm.h"
#include "vmm/machine/cpuid.h"
#include "vmm/machine/device_gate.h"
#include "vmm/machine/device_states.h"
#include "vmm/machine/dirty_pages.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/machine/hardware.h"
#include "vmm/machine/interrupt_line.h"
#include "vmm/machine/memory_slots.h"
#include "vmm/machine/vcpu_thread.h"
#include "vmm/machine/write_protection.h"

namespace ringside::machine {

// Proof that every vCPU of a machine is parked, and that no device accesses the guest: code that reads and writes guest
// state requires it. Only a Machine creates one, and its holder must not resume a vCPU before it has destroyed
// it.
class StopToken {
  public:
    StopToken(StopToken&&) = default;
    StopToken& operator=(StopToken&&) = default;

  private:
    friend class Machine;
    friend class StoppedMachineOfTests;  // a machine that has no vCPU, and so is always stopped
    explicit StopToken(DeviceGate::Closure devices_out) : devices_out_(std::move(devices_out)) {}
    DeviceGate::Closure devices_out_;
};

// How the guest ended the machine.
struct GuestEnd {
    enum class Kind : std::uint8_t { Reset, PowerOff, DebugExit } kind = Kind::PowerOff;
    std::uint8_t status = 0;  // DebugExit's
    std::string source;       // "i8042", "ACPI", ...
};

class Machine final : public MachineControl {
  public:
    // A machine of this hardware, with its vCPUs in their boot state.
    static std::unique_ptr<Machine> create(Hardware hardware, VcpuObserver& observer);
    // A machine of the given vCPUs, without a KVM VM: for vCPUs that are not KVM's.
    static std::unique_ptr<Machine> assemble(GuestMemory memory, const CpuFeatures& features,
                                             std::vector<std::unique_ptr<kvm::VcpuPort>> vcpus,
                                             VcpuObserver& observer);
    ~Machine() override;

    GuestMemory& memory() { return memory_; }
    const GuestMemory& memory() const { return memory_; }
    // Devices are attached before start().
    Buses& buses() { return buses_; }
    const kvm::Vm& vm() const { return *vm_; }
    // Returns false if the machine was assembled.
    bool has_vm() const { return vm_.has_value(); }
    // To be filled with devices before start().
    DeviceStates& device_states() { return device_states_; }
    // Says which pages are written; nullptr if an assembled machine has no source for it.
    DirtyPages* dirty_pages() { return dirty_pages_.get(); }
    void set_dirty_pages(std::unique_ptr<DirtyPages::Source> source) {
        dirty_pages_ = std::make_unique<DirtyPages>(memory_, std::move(source));
    }
    // nullptr if an assembled machine has none.
    WriteProtection* write_protection() { return protection_.get(); }
    void set_write_protection(std::unique_ptr<WriteProtection> protection) {
        protection_ = std::move(protection);
    }
    const CpuFeatures& cpu_features() const { return features_; }
    // An interrupt input, owned by the machine, for the device of this name, which is a literal.
    InterruptLine& interrupt(Gsi gsi, std::string_view device);
    // The inputs that devices have asked for.
    struct WiredLine {
        Gsi gsi;
        std::string_view device;
    };
    const std::vector<WiredLine>& wired_lines() const { return wired_lines_; }

    // Starts every vCPU's thread, parked.
    void start();
    // Takes over new hardware with as many vCPUs, and resets every device to its state at power-on. The vCPUs stay
    // parked. Addresses of the guest's memory in this process change. Not for a machine that was assembled.
    void restart(const StopToken&, Hardware hardware);
    // The part of it that concerns devices: resets them, and forgets how the machine has ended.
    void power_on(const StopToken&);
    // Ends every vCPU's thread. Idempotent.
    void stop();

    std::size_t vcpu_count() const { return vcpus_.size(); }
    VcpuThread& vcpu(VcpuIndex index) { return *vcpus_.at(index.value); }
    const VcpuThread& vcpu(VcpuIndex index) const { return *vcpus_.at(index.value); }

    // The gate that device threads must pass to touch memory or an interrupt line.
    DeviceGate& device_gate() { return *device_gate_; }

    // A token if every vCPU is parked at this moment, otherwise nullopt. Waits for devices that are accessing
    // guest memory.
    std::optional<StopToken> stop_token() const;

    // MachineControl: the first end counts. The calling vCPU and all others are suspended, then the handler of ends is
    // called on the calling thread, with the vCPU that caused it.
    void request_reset(const char* source) override;
    void request_power_off(const char* source) override;
    void request_exit(std::uint8_t status) override;
    void report_panic() override;
    void set_end_handler(std::function<void(std::optional<VcpuIndex>, const GuestEnd&)> handler) {
        on_end_ = std::move(handler);
    }
    // The guest was taken back to before it ended itself: it runs on when it is resumed, and may end itself again. Only
    // while every vCPU is suspended for another reason too.
    void withdraw_end();
    // Called on the thread of the vCPU that caused it.
    void set_panic_handler(std::function<void(VcpuIndex)> handler) { on_panic_ = std::move(handler); }

  private:
    Machine(std::optional<kvm::Vm> vm, GuestMemory memory) : vm_(std::move(vm)), memory_(std::move(memory)) {}
    void end(const GuestEnd&);
    // The vCPU whose thread calls.
    std::optional<VcpuIndex> caller() const;

    std::optional<kvm::Vm> vm_;  // none if the machine was assembled
    GuestMemory memory_;
    std::optional<MemorySlots> slots_;  // KVM's
    std::unique_ptr<DirtyPages> dirty_pages_;
    std::unique_ptr<WriteProtection> protection_;
    DeviceStates device_states_;
    Buses buses_;
    CpuFeatures features_;
    std::shared_ptr<DeviceGate> device_gate_ = std::make_shared<DeviceGate>();
    std::vector<std::unique_ptr<InterruptLine>> lines_;
    std::vector<WiredLine> wired_lines_;
    std::vector<std::unique_ptr<VcpuThread>> vcpus_;
    std::vector<kvm::Vcpu*> kvm_vcpus_;  // those of vcpus_; none if the machine was assembled
    std::function<void(std::optional<VcpuIndex>, const GuestEnd&)> on_end_;
    std::function<void(VcpuIndex)> on_panic_;
    std::atomic<bool> ended_{false};
};

}  // namespace ringside::machine
