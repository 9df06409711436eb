#include "vmm/devices/virtio/virtio_bus.h"

#include <utility>

#include "vmm/devices/savable.h"
#include "vmm/machine/layout.h"

namespace ringside::devices::virtio {

static_assert(Savable<Transport>);
static_assert(Transport::kSize == layout::kPage);

std::vector<machine::MmioDevice> descriptions(std::size_t count) {
    std::vector<machine::MmioDevice> all;
    for (std::uint32_t i = 0; i < count; ++i) {
        // The hardware id by which Linux and others know virtio over MMIO.
        all.push_back({"LNRO0005", i, layout::kVirtioMmio + i * layout::kPage, layout::kPage,
                       Gsi{layout::kVirtioFirstGsi.value + i}});
    }
    return all;
}

Result<std::unique_ptr<VirtioBus>> VirtioBus::create(const Wiring& wiring,
                                                     std::vector<std::unique_ptr<Device>> devices) {
    if (devices.size() > layout::kVirtioMmioSlots)
        return failure("add virtio devices",
                       std::to_string(devices.size()) + " were asked for, and there is room for " +
                           std::to_string(layout::kVirtioMmioSlots),
                       "Leave some out");
    std::unique_ptr<VirtioBus> bus(new VirtioBus(wiring.gate));
    const auto places = virtio::descriptions(devices.size());
    for (std::size_t i = 0; i < devices.size(); ++i) {
        Slot& slot = bus->slots_.emplace_back();
        slot.device = std::move(devices[i]);
        slot.thread = std::make_unique<DeviceThread>(*slot.device);
        slot.transport = std::make_unique<Transport>(
            *slot.device,
            Transport::Wiring{
                wiring.memory, wiring.gate, wiring.interrupt(places[i].gsi, slot.device->identity().name),
                [thread = slot.thread.get()](Events events) { thread->ring(events); }, wiring.report});
        TRY(wiring.mmio.attach(places[i].base.value, places[i].size, *slot.transport));
    }
    return bus;
}

VirtioBus::~VirtioBus() {
    gate_.shut_down();
    for (Slot& slot : slots_)
        slot.thread->stop();
}

void VirtioBus::add_states(machine::DeviceStates& states) const {
    for (const Slot& slot : slots_) {
        states.add(state_of(*slot.transport));
        states.add_unrecordable(std::string(slot.transport->name()));
        slot.device->add_states(states);
    }
}

void VirtioBus::power_on() {
    for (Slot& slot : slots_)
        slot.transport->power_on();
}

void VirtioBus::start() {
    for (Slot& slot : slots_)
        slot.thread->start(*slot.transport);
}

}  // namespace ringside::devices::virtio
