// The part of ACPI Machine Language (ACPI 6.4, chapter 20) that tables for fixed devices need. Each function
// returns the bytes of one term, so the code of a table reads like ASL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace ringside::boot::acpi::aml {

using Bytes = std::vector<std::byte>;

Bytes join(std::initializer_list<Bytes> parts);

// Data objects (20.2.3). An integer takes the fewest bytes that hold it.
Bytes integer(std::uint64_t value);
Bytes string(std::string_view text);
Bytes package(std::initializer_list<Bytes> elements);
// "PNP0501" as the 32-bit integer that EISAID() makes (ACPI 6.4, 19.6.37).
Bytes eisa_id(std::string_view id);

// Named objects (20.2.5). A name has four characters; `scope` takes a name below the root, as in "\_SB_".
Bytes name(std::string_view segment, const Bytes& value);
Bytes scope(std::string_view segment, const Bytes& terms);
Bytes device(std::string_view segment, const Bytes& terms);

// Resource descriptors (6.4), for one template.
Bytes io_ports(std::uint16_t start, std::uint8_t count);
Bytes isa_interrupt(std::uint8_t irq);                              // edge, active high, exclusive
Bytes memory32(std::uint32_t start, std::uint32_t size);            // read and write
Bytes level_interrupt(std::uint32_t gsi);                           // level, active high, exclusive
Bytes resource_template(std::initializer_list<Bytes> descriptors);  // a Buffer, with its end tag

}  // namespace ringside::boot::acpi::aml
