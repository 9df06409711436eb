#include "vmm/debug/linux/kernel/log.h"

#include <algorithm>

#include <fmt/format.h>

namespace ringside::debug {

namespace {

constexpr std::uint64_t kMostCountBits = 22, kMostSizeBits = 30;
constexpr std::size_t kMostText = std::size_t{64} << 20;  // of all records together
constexpr unsigned kStateShift = 62;                      // of a descriptor's state, above its ID
constexpr std::uint64_t kIdMask = (std::uint64_t{1} << kStateShift) - 1;
constexpr std::uint64_t kCommitted = 1, kFinalized = 2, kReusable = 3;
constexpr std::uint64_t kNoData = 1;            // in both positions of a record without text
constexpr std::uint64_t kEmptyLine = 3;         // the same of an empty line; others have lost their text
constexpr std::uint64_t kIdSize = 8;            // before the text of a record
constexpr std::size_t kLongestRecord = 0x8000;  // of a text that is believed

struct Ring {
    std::uint64_t count_bits = 0, descriptors = 0, infos = 0, head = 0, tail = 0;
    std::uint64_t descriptor_size = 0, info_size = 0;
    std::uint64_t size_bits = 0, data = 0;
    Field state, begin, next, sequence, time, length;
    std::optional<Field> level;
};

Field sized(Field field, std::uint64_t size) {
    field.size = size;
    return field;
}

// VMCOREINFO says where members are, but not how large.
Result<Field> field(const LinuxKernel& kernel, std::string_view structure, std::string_view path,
                    std::uint64_t size) {
    return sized(TRY(kernel.field(structure, path)), size);
}

Result<std::uint64_t> value(const LinuxKernel& kernel, std::uint64_t address, std::string_view structure,
                            std::string_view path, std::uint64_t size) {
    return kernel.number(address, TRY(field(kernel, structure, path, size)));
}

Result<void> read_layout(const LinuxKernel& kernel, Ring& ring) {
    ring.descriptor_size = TRY(kernel.size_of("prb_desc"));
    ring.info_size = TRY(kernel.size_of("printk_info"));
    ring.state = TRY(field(kernel, "prb_desc", "state_var", 8));
    const Field block = TRY(kernel.field("prb_desc", "text_blk_lpos"));
    ring.begin = TRY(field(kernel, "prb_data_blk_lpos", "begin", 8));
    ring.next = TRY(field(kernel, "prb_data_blk_lpos", "next", 8));
    ring.begin.offset += block.offset;
    ring.next.offset += block.offset;
    ring.sequence = TRY(field(kernel, "printk_info", "seq", 8));
    ring.time = TRY(field(kernel, "printk_info", "ts_nsec", 8));
    ring.length = TRY(field(kernel, "printk_info", "text_len", 2));
    ring.level = kernel.optional_field("printk_info", "level");
    return {};
}

Result<Ring> read_ring(const LinuxKernel& kernel) {
    Ring ring;
    TRY(read_layout(kernel, ring));
    const std::uint64_t variable = TRY(kernel.symbol("prb"));
    const std::uint64_t whole = TRY(kernel.pointer(variable));
    const std::uint64_t records = whole + TRY(kernel.field("printk_ringbuffer", "desc_ring")).offset;
    const std::uint64_t texts = whole + TRY(kernel.field("printk_ringbuffer", "text_data_ring")).offset;
    ring.count_bits = TRY(value(kernel, records, "prb_desc_ring", "count_bits", 4));
    ring.descriptors = TRY(value(kernel, records, "prb_desc_ring", "descs", 8));
    ring.infos = TRY(value(kernel, records, "prb_desc_ring", "infos", 8));
    ring.head = TRY(value(kernel, records, "prb_desc_ring", "head_id", 8)) & kIdMask;
    ring.tail = TRY(value(kernel, records, "prb_desc_ring", "tail_id", 8)) & kIdMask;
    ring.size_bits = TRY(value(kernel, texts, "prb_data_ring", "size_bits", 4));
    ring.data = TRY(value(kernel, texts, "prb_data_ring", "data", 8));
    if (ring.count_bits > kMostCountBits || ring.size_bits > kMostSizeBits)
        return failure("read the kernel's log", fmt::format("2^{} records in 2^{} bytes make no sense",
                                                            ring.count_bits, ring.size_bits));
    return ring;
}

// Where the text is, and how much may be there; nothing for what no record can have.
struct TextPlace {
    std::uint64_t address = 0;
    std::uint64_t room = 0;
};
std::optional<TextPlace> text_place(const Ring& ring, std::uint64_t begin, std::uint64_t next) {
    const std::uint64_t size = std::uint64_t{1} << ring.size_bits;
    if ((begin & kNoData) != 0 && (next & kNoData) != 0)
        return begin == kEmptyLine && next == kEmptyLine ? std::optional(TextPlace{}) : std::nullopt;
    std::uint64_t first = begin & (size - 1);
    const std::uint64_t last = next & (size - 1);
    // One that does not fit before the ring's end is at its start.
    if (begin >> ring.size_bits != next >> ring.size_bits && last != 0)
        first = 0;
    const std::uint64_t end = last == 0 ? size : last;
    if (end - first < kIdSize || end < first)
        return std::nullopt;
    return TextPlace{ring.data + first + kIdSize, end - first - kIdSize};
}

// A record, or nullopt if it is being written, was dropped, or is invalid.
std::optional<LogRecord> read_record(const LinuxKernel& kernel, const Ring& ring, std::uint64_t id) {
    const std::uint64_t index = id & ((std::uint64_t{1} << ring.count_bits) - 1);
    const std::uint64_t descriptor = ring.descriptors + index * ring.descriptor_size;
    const std::uint64_t info = ring.infos + index * ring.info_size;
    const auto state = kernel.number(descriptor, ring.state);
    const auto begin = kernel.number(descriptor, ring.begin), next = kernel.number(descriptor, ring.next);
    const auto sequence = kernel.number(info, ring.sequence), time = kernel.number(info, ring.time);
    const auto length = kernel.number(info, ring.length);
    if (!state || !begin || !next || !sequence || !time || !length || (*state & kIdMask) != id)
        return std::nullopt;
    const std::uint64_t progress = *state >> kStateShift;
    const auto place = text_place(ring, *begin, *next);
    if ((progress != kCommitted && progress != kFinalized) || !place)
        return std::nullopt;
    std::string text(std::min({place->room, *length, std::uint64_t{kLongestRecord}}), '\0');
    if (!kernel.memory().read(place->address, std::as_writable_bytes(std::span(text))))
        return std::nullopt;
    LogRecord record{*sequence, *time, {}, std::move(text)};
    if (ring.level) {
        if (const auto level = kernel.number(info, *ring.level))
            record.level = static_cast<unsigned>(*level);
    }
    return record;
}

// Returns true if the descriptor holds no record any more, or none yet.
bool is_free(const LinuxKernel& kernel, const Ring& ring, std::uint64_t id) {
    const std::uint64_t index = id & ((std::uint64_t{1} << ring.count_bits) - 1);
    const auto state = kernel.number(ring.descriptors + index * ring.descriptor_size, ring.state);
    return state && *state >> kStateShift == kReusable;
}

// Calls `use` with each line of a record's text.
template <typename Use>
void for_each_line(std::string_view text, Use use) {
    while (true) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        use(text.substr(0, end));
        if (end == text.size())
            return;
        text.remove_prefix(end + 1);
    }
}

}  // namespace

Result<KernelLog> read_log(const LinuxKernel& kernel) {
    const Ring ring = TRY(read_ring(kernel));
    KernelLog log;
    std::size_t text_left = kMostText;
    const std::uint64_t most = std::uint64_t{1} << ring.count_bits;
    for (std::uint64_t i = 0, id = ring.tail; i < most; ++i, id = (id + 1) & kIdMask) {
        auto record = read_record(kernel, ring, id);
        log.cut = record && record->text.size() > text_left;
        if (log.cut)
            break;
        text_left -= record ? record->text.size() : 0;
        if (record)
            log.records.push_back(*std::move(record));
        else if (!is_free(kernel, ring, id))
            ++log.unreadable;
        if (id == ring.head)
            break;
    }
    return log;
}

std::string log_text(const KernelLog& log) {
    std::string text;
    for (const LogRecord& record : log.records) {
        const std::uint64_t microseconds = record.nanoseconds / 1000;
        for_each_line(record.text, [&](std::string_view line) {
            text += fmt::format("[{:5}.{:06}] {}\n", microseconds / 1'000'000, microseconds % 1'000'000,
                                printable(line));
        });
    }
    return text;
}

}  // namespace ringside::debug
