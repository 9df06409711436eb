#include "vmm/debug/target/client_presence.h"

#include <utility>

namespace ringside::debug {

void ClientPresence::attach() {
    attached_ = true;
    next_waits_ = leaving_.has_value();
}

bool ClientPresence::greet() {
    return !std::exchange(greeted_, true);
}

void ClientPresence::leave_at_stop(OnDisconnect then) {
    leaving_ = then;
    next_waits_ = false;
}

void ClientPresence::depart() {
    leaving_.reset();
    attached_ = std::exchange(next_waits_, false);
    stays_ = greeted_ = false;
}

}  // namespace ringside::debug
