// virtio over MMIO as a driver sees it (virtio 1.2, 4.2): registers, the three areas of a split queue (2.7),
// and the numbers that go into them.
#pragma once

#include <stdint.h>

namespace virtio {

// Where Ringside puts its devices: one page each, one interrupt line each. A kernel with an ACPI interpreter
// reads this from the DSDT (LNRO0005); here it is fixed.
inline constexpr uintptr_t kFirstDevice = 0xd0000000;
inline constexpr uintptr_t kDeviceSize = 0x1000;
inline constexpr unsigned kDevices = 8;

inline constexpr uint32_t kMagic = 0x74726976;  // "virt"
inline constexpr uint32_t kModern = 2;

enum class DeviceType : uint32_t { Network = 1, Block = 2, Console = 3, Entropy = 4, Socket = 19 };

enum Register : uint32_t {
    Magic = 0x000,
    Version = 0x004,
    DeviceId = 0x008,
    DeviceFeatures = 0x010,
    DeviceFeaturesSelect = 0x014,
    DriverFeatures = 0x020,
    DriverFeaturesSelect = 0x024,
    QueueSelect = 0x030,
    QueueSizeMaximum = 0x034,
    QueueSize = 0x038,
    QueueReady = 0x044,
    QueueNotify = 0x050,
    InterruptStatus = 0x060,
    InterruptAcknowledge = 0x064,
    Status = 0x070,
    QueueDescriptors = 0x080,  // 64 bits each, low half first
    QueueDriver = 0x090,
    QueueDevice = 0x0a0,
    ConfigGeneration = 0x0fc,
    Config = 0x100,
};

// The steps of Status (2.1).
inline constexpr uint32_t kAcknowledge = 1;
inline constexpr uint32_t kDriver = 2;
inline constexpr uint32_t kDriverOk = 4;
inline constexpr uint32_t kFeaturesOk = 8;

inline constexpr uint64_t kFeatureVersion1 = uint64_t{1} << 32;

inline constexpr uint16_t kQueueSize = 8;

struct Descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};
inline constexpr uint16_t kNext = 1;
inline constexpr uint16_t kDeviceWrites = 2;

struct AvailableRing {
    uint16_t flags;
    uint16_t index;
    uint16_t ring[kQueueSize];
    uint16_t used_event;
};

struct UsedRing {
    uint16_t flags;
    uint16_t index;
    struct {
        uint32_t head;
        uint32_t length;
    } ring[kQueueSize];
    uint16_t available_event;
};

// A block device's request (5.2.6): this head, data, and a byte for the status.
struct BlockHeader {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};

}  // namespace virtio
