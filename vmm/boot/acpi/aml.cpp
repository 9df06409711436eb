#include "vmm/boot/acpi/aml.h"

namespace ringside::boot::acpi::aml {

namespace {

// Opcodes (ACPI 6.4, table 20.2).
constexpr std::uint8_t kZeroOp = 0x00, kOneOp = 0x01;
constexpr std::uint8_t kNameOp = 0x08, kScopeOp = 0x10, kBufferOp = 0x11, kPackageOp = 0x12;
constexpr std::uint8_t kBytePrefix = 0x0a, kWordPrefix = 0x0b, kDwordPrefix = 0x0c, kQwordPrefix = 0x0e;
constexpr std::uint8_t kStringPrefix = 0x0d;
constexpr std::uint8_t kExtendedPrefix = 0x5b, kDeviceOp = 0x82;
constexpr std::uint8_t kRoot = '\\';

Bytes raw(std::initializer_list<std::uint8_t> values) {
    Bytes bytes;
    for (const std::uint8_t value : values)
        bytes.push_back(std::byte{value});
    return bytes;
}

Bytes raw(std::string_view text) {
    Bytes bytes;
    for (const char c : text)
        bytes.push_back(static_cast<std::byte>(c));
    return bytes;
}

Bytes little_endian(std::uint64_t value, std::size_t size) {
    Bytes bytes;
    for (std::size_t i = 0; i < size; ++i)
        bytes.push_back(static_cast<std::byte>(value >> 8 * i));
    return bytes;
}

// A term that starts with its length, including the bytes of the length itself (20.2.4, PkgLength): up to 63
// in one byte, otherwise 4 bits in the first byte and 8 in each of up to three more.
Bytes with_length(const Bytes& terms) {
    constexpr std::size_t kMostInOneByte = 0x3f;
    if (terms.size() + 1 <= kMostInOneByte)
        return join({little_endian(terms.size() + 1, 1), terms});
    std::size_t more = 1;
    while (terms.size() + 1 + more >= std::size_t{1} << (4 + 8 * more))
        ++more;
    const std::size_t length = terms.size() + 1 + more;
    return join({little_endian(more << 6 | (length & 0xf), 1), little_endian(length >> 4, more), terms});
}

}  // namespace

Bytes join(std::initializer_list<Bytes> parts) {
    Bytes all;
    for (const Bytes& part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

Bytes integer(std::uint64_t value) {
    if (value <= 1)
        return raw({value == 0 ? kZeroOp : kOneOp});
    if (value <= 0xff)
        return join({raw({kBytePrefix}), little_endian(value, 1)});
    if (value <= 0xffff)
        return join({raw({kWordPrefix}), little_endian(value, 2)});
    if (value <= 0xffffffff)
        return join({raw({kDwordPrefix}), little_endian(value, 4)});
    return join({raw({kQwordPrefix}), little_endian(value, 8)});
}

Bytes string(std::string_view text) {
    return join({raw({kStringPrefix}), raw(text), raw({0})});
}

Bytes package(std::initializer_list<Bytes> elements) {
    return join({raw({kPackageOp}), with_length(join({little_endian(elements.size(), 1), join(elements)}))});
}

// Three letters of 5 bits each, then four hexadecimal digits; big-endian.
Bytes eisa_id(std::string_view id) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 3; ++i)
        value = value << 5 | (static_cast<std::uint32_t>(id[i] - 'A' + 1) & 0x1f);
    for (std::size_t i = 3; i < 7; ++i) {
        const auto digit = static_cast<std::uint32_t>(id[i] <= '9' ? id[i] - '0' : id[i] - 'A' + 10);
        value = value << 4 | (digit & 0xf);
    }
    return join({raw({kDwordPrefix}),
                 raw({static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
                      static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)})});
}

Bytes name(std::string_view segment, const Bytes& value) {
    return join({raw({kNameOp}), raw(segment), value});
}

Bytes scope(std::string_view segment, const Bytes& terms) {
    return join({raw({kScopeOp}), with_length(join({raw({kRoot}), raw(segment), terms}))});
}

Bytes device(std::string_view segment, const Bytes& terms) {
    return join({raw({kExtendedPrefix, kDeviceOp}), with_length(join({raw(segment), terms}))});
}

// Small items have their size in the low bits of the first byte, large items in the two bytes after it.
Bytes io_ports(std::uint16_t start, std::uint8_t count) {
    constexpr std::uint8_t kIoDescriptor = 0x47, kDecode16Bits = 1;
    return join({raw({kIoDescriptor, kDecode16Bits}), little_endian(start, 2), little_endian(start, 2),
                 raw({1, count})});
}

Bytes isa_interrupt(std::uint8_t irq) {
    constexpr std::uint8_t kIrqDescriptor = 0x22;  // without flags: edge, active high, exclusive
    return join({raw({kIrqDescriptor}), little_endian(std::uint64_t{1} << irq, 2)});
}

Bytes memory32(std::uint32_t start, std::uint32_t size) {
    constexpr std::uint8_t kMemory32Fixed = 0x86, kWritable = 1;
    return join({raw({kMemory32Fixed}), little_endian(9, 2), raw({kWritable}), little_endian(start, 4),
                 little_endian(size, 4)});
}

Bytes level_interrupt(std::uint32_t gsi) {
    constexpr std::uint8_t kExtendedInterrupt = 0x89,
                           kConsumer = 1;  // flags 0: level, active high, exclusive
    return join({raw({kExtendedInterrupt}), little_endian(6, 2), raw({kConsumer, 1}), little_endian(gsi, 4)});
}

Bytes resource_template(std::initializer_list<Bytes> descriptors) {
    const Bytes resources = join({join(descriptors), raw({0x79, 0})});  // end tag; checksum 0 means none
    return join({raw({kBufferOp}), with_length(join({integer(resources.size()), resources}))});
}

}  // namespace ringside::boot::acpi::aml
