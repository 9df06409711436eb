// Numbers of the virtio specification 1.2 that more than one file needs; section numbers are its.
#pragma once

#include <cstdint>

namespace ringside::devices::virtio {

// Device types (5).
inline constexpr std::uint32_t kNetId = 1;
inline constexpr std::uint32_t kBlockId = 2;
inline constexpr std::uint32_t kConsoleId = 3;
inline constexpr std::uint32_t kRngId = 4;
inline constexpr std::uint32_t kVsockId = 19;

// Feature bits that belong to no device type (6).
inline constexpr std::uint64_t kFeatureIndirect = std::uint64_t{1} << 28;
inline constexpr std::uint64_t kFeatureEventIndex = std::uint64_t{1} << 29;
inline constexpr std::uint64_t kFeatureVersion1 = std::uint64_t{1} << 32;

// Device status (2.1).
inline constexpr std::uint32_t kStatusDriverOk = 4;
inline constexpr std::uint32_t kStatusFeaturesOk = 8;
inline constexpr std::uint32_t kStatusNeedsReset = 64;

// Descriptor flags (2.7.5).
inline constexpr std::uint16_t kDescriptorNext = 1;
inline constexpr std::uint16_t kDescriptorWrite = 2;
inline constexpr std::uint16_t kDescriptorIndirect = 4;

// Flags of the available ring (2.7.6).
inline constexpr std::uint16_t kAvailableNoInterrupt = 1;

// What a driver may choose as a queue's size is a power of two up to this.
inline constexpr std::uint16_t kLargestQueue = 256;
// Queues of one device: none here has more.
inline constexpr unsigned kMostQueues = 3;

}  // namespace ringside::devices::virtio
