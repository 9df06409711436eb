#include "vmm/snapshot/snapshot_file.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "arch/x86_64/vmcs12.h"
#include "vmm/base/output_file.h"

namespace ringside::snapshot {

namespace {

using machine::kPageSize;
using Bytes = std::vector<std::byte>;

constexpr const char* kOperation = "read the snapshot";
constexpr std::array<char, 8> kMagic{'R', 'I', 'N', 'G', 'S', 'N', 'A', 'P'};
constexpr std::uint32_t kVersion = 3;
constexpr std::uint64_t kMostOther = std::uint64_t{16}
                                     << 20;  // apart from pages and clusters: far more than there can be

struct Header {
    std::array<char, 8> magic = kMagic;
    std::uint32_t version = kVersion;
    std::uint32_t vcpu_size = sizeof(VcpuImage);
    std::uint32_t vm_size = sizeof(VmImage);
    std::uint32_t vcpus = 0;
    std::uint64_t size = 0;      // of the whole file
    std::uint64_t checksum = 0;  // of what follows the header
};
static_assert(std::is_trivially_copyable_v<Header> && std::has_unique_object_representations_v<Header>);

// FNV-1a, by words: it detects accidents, not attacks.
std::uint64_t checksum(std::span<const std::byte> bytes) {
    std::uint64_t sum = 0xcbf29ce484222325;
    while (!bytes.empty()) {
        std::uint64_t word = 0;
        const auto size = std::min(bytes.size(), sizeof word);
        std::memcpy(&word, bytes.data(), size);
        sum = (sum ^ word) * 0x100000001b3;
        bytes = bytes.subspan(size);
    }
    return sum;
}

// ---- Writing

template <typename T>
void put(Bytes& out, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto bytes = std::as_bytes(std::span(&value, 1));
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void put_bytes(Bytes& out, std::span<const std::byte> bytes) {
    put(out, std::uint64_t{bytes.size()});
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void put_text(Bytes& out, std::string_view text) {
    put_bytes(out, std::as_bytes(std::span(text)));
}

// What must be the same for a snapshot to fit, one line for each property that users know.
std::string shape_of(machine::Machine& machine) {
    const auto& features = machine.cpu_features();
    std::string text = fmt::format("{} vCPUs\n", machine.vcpu_count());
    text += fmt::format("{} MiB of RAM\n", machine.memory().ram_size() >> 20);
    for (const machine::MemoryRegion& region : machine.memory().regions()) {
        if (!region.read_only())
            text += fmt::format("RAM at 0x{:x}, {} bytes\n", region.start().value, region.size());
    }
    for (const auto& state : machine.device_states().list())
        text += fmt::format("the device {} ({} bytes)\n", state->name(), state->size());
    for (const auto& disk : machine.device_states().disks())
        text += fmt::format("the disk {} ({} bytes)\n", disk->name(), disk->size());
    const auto& layout = features.xsave_layout;
    text +=
        fmt::format("a processor with{} AVX,{} AVX-512,{} PKU, {} address bits, XSAVE at {} {} {} {} {}\n",
                    features.avx ? "" : "out", features.avx512 ? " with" : " without",
                    features.pkru ? " with" : " without", features.physical_address_bits, layout.avx,
                    layout.opmask, layout.zmm_hi256, layout.hi16_zmm, layout.pkru);
    return text;
}

// ---- Reading

class Reader {
  public:
    explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}

    bool empty() const { return rest_.empty(); }
    Result<std::span<const std::byte>> take(std::uint64_t size) {
        if (size > rest_.size())
            return failure(kOperation, "a part of it is longer than the file");
        const auto taken = rest_.first(static_cast<std::size_t>(size));
        rest_ = rest_.subspan(static_cast<std::size_t>(size));
        return taken;
    }
    template <typename T>
    Result<void> read(T& value) {
        const auto bytes = TRY(take(sizeof value));
        std::memcpy(&value, bytes.data(), sizeof value);
        return {};
    }
    Result<std::span<const std::byte>> take_bytes() {
        std::uint64_t size = 0;
        TRY(read(size));
        return take(size);
    }

  private:
    std::span<const std::byte> rest_;
};

Result<Header> read_header(std::span<const std::byte> bytes) {
    Header header;
    if (bytes.size() < sizeof header)
        return failure(kOperation, fmt::format("it has {} bytes, and a snapshot has more", bytes.size()));
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.magic != kMagic)
        return failure(kOperation, "this is no snapshot of Ringside's");
    if (header.version != kVersion || header.vcpu_size != sizeof(VcpuImage) ||
        header.vm_size != sizeof(VmImage))
        return failure(kOperation, "it was made by another version of Ringside");
    return header;
}

// The first line in which two shapes differ.
Result<void> compare_shapes(std::string_view theirs, std::string_view ours) {
    while (theirs != ours) {
        const auto a = theirs.substr(0, theirs.find('\n')), b = ours.substr(0, ours.find('\n'));
        if (a != b)
            return failure(kOperation,
                           fmt::format("it is of another machine: that one has {}, and this one {}",
                                       a.empty() ? "no more" : a, b.empty() ? "no more" : b),
                           "Start this one with the same options");
        theirs.remove_prefix(std::min(a.size() + 1, theirs.size()));
        ours.remove_prefix(std::min(b.size() + 1, ours.size()));
    }
    return {};
}

// KVM looks at the rest when it is given the state.
Result<std::optional<kvm::NestedState>> read_nested(std::span<const std::byte> bytes) {
    if (bytes.empty())
        return std::optional<kvm::NestedState>();
    kvm_nested_state header{};
    if (bytes.size() < sizeof header || bytes.size() > kvm::kNestedStateSize)
        return failure(kOperation, fmt::format("its nested state has {} bytes, and KVM's has {} to {}",
                                               bytes.size(), sizeof header, kvm::kNestedStateSize));
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.size != bytes.size())
        return failure(kOperation, "its nested state has another size than it says");
    auto state = kvm::nested_state(bytes);
    const bool vmx = state.format == kvm::NestedState::Format::Vmx;
    if (vmx && !state.image.empty() && !x86::read_vmcs12(state.image))
        return failure(kOperation, "the VMCS in its nested state is of another revision");
    return std::optional(std::move(state));
}

Result<machine::DiskClusters> read_disk(Reader& reader, const machine::OverlaidDisk& disk) {
    constexpr auto kSize = machine::DiskClusters::kSize;
    machine::DiskClusters clusters;
    std::uint64_t count = 0;
    TRY(reader.read(count));
    for (; count != 0; --count) {
        std::uint64_t number = 0;
        TRY(reader.read(number));
        const auto bytes = TRY(reader.take(kSize));
        if (number >= (disk.size() + kSize - 1) / kSize)
            return failure(kOperation, fmt::format("it has data beyond the end of the disk {}", disk.name()));
        clusters.by_number[number] =
            std::make_shared<machine::DiskClusters::Cluster>(bytes.begin(), bytes.end());
    }
    return clusters;
}

Result<MachineState> read_state(Reader& reader, machine::Machine& machine) {
    MachineState state;
    state.vcpus.resize(machine.vcpu_count());
    for (MachineState::Vcpu& vcpu : state.vcpus) {
        TRY(reader.read(vcpu.image));
        TRY(reader.read(vcpu.tsc));
        auto nested = TRY(reader.take_bytes());
        vcpu.nested = TRY(read_nested(nested));
    }
    TRY(reader.read(state.vm));
    TRY(reader.read(state.clock));
    const auto devices = TRY(reader.take_bytes());
    if (devices.size() != machine.device_states().size())
        return failure(kOperation, "its devices have another size than they say");
    state.devices.assign(devices.begin(), devices.end());
    for (const auto& disk : machine.device_states().disks()) {
        auto clusters = TRY(read_disk(reader, *disk));
        state.disks.push_back(std::move(clusters));
    }
    return state;
}

Result<SharedPages> read_memory(Reader& reader, const machine::GuestMemory& memory) {
    SharedPages copy(memory);
    while (!reader.empty()) {
        std::uint64_t address = 0;
        TRY(reader.read(address));
        const auto bytes = TRY(reader.take(kPageSize));
        if (address % kPageSize != 0 || copy.at(Gpa{address}).empty())
            return failure(kOperation,
                           fmt::format("it has a page at 0x{:x}, where there is no RAM", address));
        copy.set(Gpa{address}, bytes);
    }
    return copy;
}

// No snapshot of the machine has a larger file, in bytes.
std::uint64_t largest_file(machine::Machine& machine) {
    const auto with_number = [](std::uint64_t bytes, std::uint64_t piece) {
        return (bytes + piece - 1) / piece * (piece + sizeof(std::uint64_t));
    };
    std::uint64_t size = with_number(machine.memory().ram_size(), kPageSize) + kMostOther;
    for (const auto& disk : machine.device_states().disks())
        size += with_number(disk->size(), machine::DiskClusters::kSize);
    return size;
}

}  // namespace

Bytes to_bytes(machine::Machine& machine, const Snapshot& snapshot) {
    Bytes out(sizeof(Header));
    put_text(out, shape_of(machine));
    for (const MachineState::Vcpu& vcpu : snapshot.state.vcpus) {
        put(out, vcpu.image);
        put(out, vcpu.tsc);
        put_bytes(out, vcpu.nested ? kvm::to_kvm(*vcpu.nested) : Bytes());
    }
    put(out, snapshot.state.vm);
    put(out, snapshot.state.clock);
    put_bytes(out, snapshot.state.devices);
    for (const machine::DiskClusters& disk : snapshot.state.disks) {
        put(out, std::uint64_t{disk.by_number.size()});
        for (const auto& [number, cluster] : disk.by_number) {
            put(out, number);
            out.insert(out.end(), cluster->begin(), cluster->end());
        }
    }
    snapshot.memory.for_each_used([&out](Gpa page, std::span<const std::byte> bytes) {
        put(out, page.value);
        out.insert(out.end(), bytes.begin(), bytes.end());
    });
    Header header;
    header.vcpus = static_cast<std::uint32_t>(snapshot.state.vcpus.size());
    header.size = out.size();
    header.checksum = checksum(std::span(out).subspan(sizeof header));
    std::memcpy(out.data(), &header, sizeof header);
    return out;
}

Result<Snapshot> from_bytes(machine::Machine& machine, std::span<const std::byte> bytes) {
    const Header header = TRY(read_header(bytes));
    if (header.size != bytes.size())
        return failure(kOperation,
                       fmt::format("it has {} bytes of {}: it was cut short, or something was added",
                                   bytes.size(), header.size));
    const auto body = bytes.subspan(sizeof header);
    if (checksum(body) != header.checksum)
        return failure(kOperation, "it is damaged: its checksum is wrong");
    Reader reader(body);
    const auto shape = TRY(reader.take_bytes());
    TRY(compare_shapes({reinterpret_cast<const char*>(shape.data()), shape.size()}, shape_of(machine)));
    if (header.vcpus != machine.vcpu_count())
        return failure(kOperation, "its vCPUs are not as many as it says");
    auto state = TRY(read_state(reader, machine));
    auto memory = TRY(read_memory(reader, machine.memory()));
    return Snapshot{std::move(state), std::move(memory)};
}

Result<void> write_file(const std::filesystem::path& path, machine::Machine& machine,
                        const Snapshot& snapshot) {
    const Bytes bytes = to_bytes(machine, snapshot);
    return replace_file(path, [&](std::ofstream& file) -> Result<void> {
        file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        return {};
    });
}

Result<Snapshot> read_file(const std::filesystem::path& path, machine::Machine& machine) {
    std::ifstream file(path, std::ios::binary);
    if (!file || !std::filesystem::is_regular_file(path))
        return failure("read " + path.string(), "it cannot be opened, or is no file");
    std::error_code error;
    const std::uint64_t size = std::filesystem::file_size(path, error);
    if (error || size > largest_file(machine))
        return failure("read " + path.string(), "it is larger than a snapshot of this machine can be");
    Bytes bytes(static_cast<std::size_t>(size));
    if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())))
        return errno_failure("read " + path.string(), errno);
    auto snapshot = from_bytes(machine, bytes);
    if (!snapshot)
        return failure(fmt::format("{} {}", kOperation, path.string()), snapshot.error().reason,
                       snapshot.error().advice);
    return snapshot;
}

}  // namespace ringside::snapshot
