// What a disk holds beside its image, in clusters: the contents of a disk whose writes do not go to the image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

namespace ringside::machine {

// Copies share the clusters. A shared cluster is not changed any more.
struct DiskClusters {
    static constexpr std::size_t kSize = std::size_t{64} << 10;  // bytes in a cluster
    using Cluster = std::vector<std::byte>;                      // kSize bytes

    std::map<std::uint64_t, std::shared_ptr<const Cluster>> by_number;

    std::uint64_t bytes() const { return by_number.size() * kSize; }
};

// Returns the number of clusters that differ, or that only one of the two has.
inline std::uint64_t differences(const DiskClusters& a, const DiskClusters& b) {
    std::uint64_t in_both = 0, same = 0;
    for (const auto& [number, cluster] : a.by_number) {
        const auto other = b.by_number.find(number);
        if (other == b.by_number.end())
            continue;
        ++in_both;
        same += other->second == cluster || *other->second == *cluster ? 1 : 0;
    }
    return a.by_number.size() + b.by_number.size() - in_both - same;
}

// Threading: the server's thread, while the guest is stopped.
class OverlaidDisk {
  public:
    virtual ~OverlaidDisk() = default;
    virtual std::string_view name() const = 0;
    virtual std::uint64_t size() const = 0;  // of the disk, in bytes
    virtual DiskClusters save() const = 0;
    // Each number must be below size() / kSize, rounded up. Requests that are under way no longer change the disk.
    virtual void restore(const DiskClusters& clusters) = 0;
};

}  // namespace ringside::machine
