#include "vmm/machine/device_gate.h"

namespace ringside::machine {

DeviceGate::Pass DeviceGate::enter() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closures_ == 0 || down_; });
    if (down_)
        return Pass(nullptr);
    ++inside_;
    return Pass(this);
}

// Notify with the lock held: the closure that waits for this may hold the last reference to the gate.
void DeviceGate::leave() {
    const std::scoped_lock lock(mutex_);
    if (--inside_ == 0 && (closures_ != 0 || down_))
        changed_.notify_all();
}

DeviceGate::Closure DeviceGate::close() {
    std::unique_lock lock(mutex_);
    ++closures_;
    changed_.wait(lock, [this] { return inside_ == 0; });
    return Closure(shared_from_this());
}

void DeviceGate::open() {
    const std::scoped_lock lock(mutex_);
    if (--closures_ == 0)
        changed_.notify_all();
}

void DeviceGate::shut_down() {
    const std::scoped_lock lock(mutex_);
    down_ = true;
    changed_.notify_all();
}

}  // namespace ringside::machine
