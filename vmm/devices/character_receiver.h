// A device that takes characters from outside: a serial line, a console.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace ringside::devices {

class CharacterReceiver {
  public:
    virtual ~CharacterReceiver() = default;
    // Takes as many bytes as there is room for and returns their number.
    virtual std::size_t receive(std::span<const std::byte> data) = 0;
    // Sets the function that is called when receive() may succeed again after it has refused a byte. It is
    // called from any thread, with no lock held. Set it before the machine runs.
    virtual void on_space_available(std::function<void()> callback) = 0;
};

}  // namespace ringside::devices
