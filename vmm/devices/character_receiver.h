// A device that takes characters from outside: a serial line, a console.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace ringside::devices {

class CharacterReceiver {
  public:
    virtual ~CharacterReceiver() = default;
    // Takes what there is room for, and returns how many bytes that was.
    virtual std::size_t receive(std::span<const std::byte> data) = 0;
    // Called, from any thread and with no lock held, once receive() may succeed after it has refused a byte.
    // Set it before the machine runs.
    virtual void on_space_available(std::function<void()> callback) = 0;
};

}  // namespace ringside::devices
