// Where a device's characters go: a terminal, a file, a socket, a test's string.
#pragma once

#include <cstddef>
#include <span>

namespace ringside::devices {

// Called from vCPU threads, several at once, with no device lock held. May block; the vCPU then waits.
class CharacterSink {
  public:
    virtual ~CharacterSink() = default;
    virtual void write(std::span<const std::byte> data) = 0;
};

}  // namespace ringside::devices
