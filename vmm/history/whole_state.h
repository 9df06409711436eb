// Fails with the reason if KVM keeps more of the guest in this state than an image has: going back would leave that as it is.
#pragma once

#include "vmm/snapshot/machine_image.h"

namespace ringside::history {

Result<void> check_whole(const snapshot::MachineImage& image);

}  // namespace ringside::history
