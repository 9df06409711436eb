// The gate between the threads of devices and the guest.
//
// A device with a thread of its own could write guest memory or raise an interrupt while the debugger shows a
// stopped guest. A thread that accesses the guest and is not a vCPU thread therefore holds a pass, and a
// StopToken keeps the gate closed: work that completes meanwhile waits until the guest is resumed. A pass is
// held only briefly and never during I/O, because closing the gate waits for passes to be returned.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

namespace ringside::machine {

class DeviceGate : public std::enable_shared_from_this<DeviceGate> {
  public:
    // The right to access the guest. Empty after shut_down(): the caller then ends its work.
    class [[nodiscard]] Pass {
      public:
        Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
        Pass& operator=(Pass&& other) noexcept {
            std::swap(gate_, other.gate_);
            return *this;
        }
        ~Pass() {
            if (gate_ != nullptr)
                gate_->leave();
        }
        explicit operator bool() const { return gate_ != nullptr; }

      private:
        friend class DeviceGate;
        explicit Pass(DeviceGate* gate) : gate_(gate) {}
        DeviceGate* gate_;
    };

    // Keeps the gate closed while the object exists. Closures nest and may outlive the machine.
    class [[nodiscard]] Closure {
      public:
        Closure(Closure&&) noexcept = default;
        Closure& operator=(Closure&& other) noexcept {
            std::swap(gate_, other.gate_);
            return *this;
        }
        ~Closure() {
            if (gate_)
                gate_->open();
        }

      private:
        friend class DeviceGate;
        explicit Closure(std::shared_ptr<DeviceGate> gate) : gate_(std::move(gate)) {}
        std::shared_ptr<DeviceGate> gate_;
    };

    // Waits while the gate is closed. Must not be called by vCPU threads, which are parked while the gate is
    // closed, or by the thread that resumes the guest.
    Pass enter();
    // Waits until no pass is held.
    Closure close();
    // For the end of the machine: wakes every waiting thread and gives out no pass from then on.
    void shut_down();

  private:
    void leave();
    void open();

    std::mutex mutex_;
    std::condition_variable changed_;
    unsigned inside_ = 0;
    unsigned closures_ = 0;
    bool down_ = false;
};

}  // namespace ringside::machine
