#include "vmm/devices/virtio/rng.h"

#include <sys/random.h>

#include <algorithm>
#include <array>

#include "vmm/devices/virtio/transport.h"

namespace ringside::devices::virtio {

namespace {

// getrandom() of up to 256 bytes is neither interrupted nor short once the kernel's pool is initialised
// (getrandom(2)).
constexpr std::size_t kRandomPiece = 256;

std::uint32_t fill(const Chain& chain) {
    const std::size_t wanted = std::min<std::uint64_t>(chain.writable(), Rng::kMostBytes);
    std::array<std::byte, kRandomPiece> random;
    std::size_t done = 0;
    while (done < wanted) {
        const std::size_t size = std::min(wanted - done, random.size());
        if (::getrandom(random.data(), size, 0) != static_cast<ssize_t>(size))
            break;
        done += chain.write(done, std::span(random).first(size));
    }
    return static_cast<std::uint32_t>(done);
}

}  // namespace

void Rng::on_kick(unsigned queue) {
    for (;;) {
        auto access = transport_->enter();
        if (!access || !access->next(queue, chain_))
            return;
        if (chain_.writable() == 0)
            return access->fail("a request for random bytes with no room for any");
        access->finish(queue, chain_, fill(chain_));
    }
}

}  // namespace ringside::devices::virtio
