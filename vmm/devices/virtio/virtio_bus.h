// The machine's virtio devices: one MMIO page, one interrupt line and one thread each.
//
// Only firmware tables announce virtio over MMIO. descriptions() returns their contents.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "vmm/devices/virtio/device.h"
#include "vmm/devices/virtio/device_thread.h"
#include "vmm/devices/virtio/transport.h"
#include "vmm/machine/bus.h"
#include "vmm/machine/device_gate.h"
#include "vmm/machine/device_states.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/machine/interrupt_line.h"
#include "vmm/machine/mmio_device.h"

namespace ringside::devices::virtio {

// The addresses of `count` devices (vmm/machine/layout.h), for the DSDT.
std::vector<machine::MmioDevice> descriptions(std::size_t count);

class VirtioBus {
  public:
    // What the bus is connected to. All of it must outlive the bus. `interrupt` finds a line for the device of this name.
    struct Wiring {
        const machine::GuestMemory& memory;
        machine::Bus& mmio;
        machine::DeviceGate& gate;
        std::function<machine::InterruptLine&(Gsi, std::string_view device)> interrupt;
        std::function<void(const std::string&)> report;  // one line for the user; from any thread
    };

    // Attaches the devices to the MMIO bus, in order, before the machine runs. Fails if there are more
    // devices than slots.
    static Result<std::unique_ptr<VirtioBus>> create(const Wiring& wiring,
                                                     std::vector<std::unique_ptr<Device>> devices);
    // Ends the devices' work and shuts down the gate.
    ~VirtioBus();

    // The devices' states, for snapshots. Before the machine runs.
    void add_states(machine::DeviceStates& states) const;
    // Starts every device's thread.
    void start();
    // The machine is reset. With the gate closed.
    void power_on();

    std::vector<machine::MmioDevice> descriptions() const { return virtio::descriptions(slots_.size()); }

  private:
    // Destroyed from last to first: the sockets of a device belong to the io_context of its thread.
    struct Slot {
        std::unique_ptr<DeviceThread> thread;
        std::unique_ptr<Device> device;
        std::unique_ptr<Transport> transport;
    };

    explicit VirtioBus(machine::DeviceGate& gate) : gate_(gate) {}

    machine::DeviceGate& gate_;
    std::vector<Slot> slots_;
};

}  // namespace ringside::devices::virtio
