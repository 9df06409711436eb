// virtio over MMIO (virtio 1.2, 4.2), with the modern register set: a driver finds a device, negotiates
// features, sets up queues, notifies the device and receives its interrupts.
//
// Division of work. A vCPU's access changes registers here under a lock that is held briefly, and never waits
// for a device: a notification only wakes the device's thread (device_thread.h). KVM_IOEVENTFD would save the
// exit to userspace, but users of a debugger want to see it: `monitor exits mmio` counts it by device. The
// device's thread does the rest through Access, which holds the lock and a pass of the machine's gate; the
// gate is closed while the guest is stopped. A device does its I/O without an Access and takes one to
// complete the request. If the guest was stopped meanwhile, it waits at the gate. If the driver has reset the
// device meanwhile, the request is gone and finish() does nothing.
#pragma once

#include <array>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "vmm/devices/virtio/chain.h"
#include "vmm/devices/virtio/constants.h"
#include "vmm/devices/virtio/device.h"
#include "vmm/devices/virtio/queue.h"
#include "vmm/machine/bus.h"
#include "vmm/machine/device_gate.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/machine/interrupt_line.h"

namespace ringside::devices::virtio {

// The events for which a device's thread is woken: one bit for each queue, and these.
using Events = std::uint32_t;
inline constexpr Events kEventReset = Events{1} << 31;
inline constexpr Events kEventRestored = Events{1} << 30;
inline constexpr Events kEventReady = Events{1} << 29;  // the driver has finished its set-up

// Passes events to a device, on its thread.
void dispatch(Device& device, Events events);

class Transport final : public machine::BusDevice {
  public:
    static constexpr std::uint64_t kSize = 0x1000;  // bytes of MMIO

    struct State {
        std::uint64_t driver_features = 0;
        std::uint32_t device_features_select = 0;
        std::uint32_t driver_features_select = 0;
        std::uint32_t queue_select = 0;
        std::uint32_t interrupts = 0;  // InterruptStatus
        std::uint32_t status = 0;
        std::uint32_t config_generation = 0;
        std::array<QueueState, kMostQueues> queues{};
        friend bool operator==(const State&, const State&) = default;
    };

    // All must outlive the transport. `ring` wakes the device's thread; vCPU threads call it without a lock.
    // `report` is called with one line for the user when a driver breaks a rule.
    struct Wiring {
        const machine::GuestMemory& memory;
        machine::DeviceGate& gate;
        machine::InterruptLine& interrupt;
        std::function<void(Events)> ring;
        std::function<void(const std::string&)> report;
    };
    Transport(Device& device, Wiring wiring);

    std::string_view name() const override { return identity_.name; }
    void read(std::uint64_t offset, std::span<std::byte> data) override;
    void write(std::uint64_t offset, std::span<const std::byte> data) override;

    State save() const;
    void restore(const State& state);
    // The machine is reset: as if the driver had reset the device.
    void power_on();

    // The right to access guest memory, queues and the interrupt. Short-lived, and only for device threads.
    class Access {
      public:
        // Gets the next chain of a queue, which stays there until it is finished. Returns false if there is
        // none, or if the device is not set up or needs a reset.
        bool next(unsigned queue, Chain& chain);
        // Returns the chain that next() showed last to the driver, unless the device has been reset since
        // then.
        void finish(unsigned queue, const Chain& chain, std::uint32_t written);
        // Returns true if a chain that was taken under an earlier Access is still valid.
        bool current(const Chain& chain) const { return chain.epoch() == transport_.epoch_; }
        // The driver has broken a rule of the device and must reset it (DEVICE_NEEDS_RESET).
        void fail(std::string_view rule) { transport_.needs_reset(rule); }
        // The configuration that config() returns has changed.
        void config_changed();
        // The negotiated features among `features`.
        std::uint64_t negotiated(std::uint64_t features) const {
            return transport_.state_.driver_features & features;
        }

      private:
        friend class Transport;
        Access(Transport& transport, machine::DeviceGate::Pass pass)
            : transport_(transport), pass_(std::move(pass)), lock_(transport.mutex_) {}
        Transport& transport_;
        machine::DeviceGate::Pass pass_;
        std::unique_lock<std::mutex> lock_;
    };
    // Waits while the guest is stopped. Returns nullopt once the machine is being shut down.
    std::optional<Access> enter();

  private:
    // All below are called with the lock held.
    std::uint32_t read_register(std::uint64_t offset) const;
    Events write_register(std::uint64_t offset, std::uint32_t value);
    void write_queue_register(std::uint64_t offset, std::uint32_t value);
    void read_config(std::uint64_t offset, std::span<std::byte> data) const;
    void write_driver_features(std::uint32_t value);
    Events write_status(std::uint32_t value);
    void set_queue_ready(bool ready);
    void reset();
    void needs_reset(std::string_view rule);
    void interrupt(std::uint32_t cause);
    bool live() const;
    QueueFeatures queue_features() const;
    const Queue* selected_queue() const;
    Queue* selected_queue() { return const_cast<Queue*>(std::as_const(*this).selected_queue()); }

    Identity identity_;
    std::uint64_t features_;
    Device& device_;
    Wiring wiring_;
    mutable std::mutex mutex_;
    State state_;  // without the queues, which are in queues_
    std::vector<Queue> queues_;
    std::uint32_t epoch_ = 0;
    unsigned reports_ = 0;
};

}  // namespace ringside::devices::virtio
