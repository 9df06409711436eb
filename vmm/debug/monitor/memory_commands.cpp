#include "vmm/debug/monitor/memory_commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/base/output_file.h"
#include "vmm/base/text.h"
#include "vmm/debug/monitor/arguments.h"
#include "vmm/debug/monitor/memory_dump.h"

namespace ringside::debug {

namespace {

constexpr std::uint64_t kMostToShow = 1U << 20;
constexpr std::size_t kChunk = 1U << 20;

Result<std::uint64_t> number_argument(const Arguments& arguments, std::size_t place, const char* what) {
    if (place >= arguments.words.size())
        return failure("arguments", fmt::format("{} is missing", what));
    const auto value = parse_number(arguments.words[place]);
    if (!value)
        return failure("arguments",
                       fmt::format("\"{}\" is not a number: it must be {}", arguments.words[place], what));
    return *value;
}

// All of it, or an error that says where the memory ends.
Result<std::vector<std::byte>> read_all(const Inspected& guest, std::uint64_t gpa, std::uint64_t size) {
    std::vector<std::byte> bytes(size);
    auto count = TRY(guest.view().read_physical(Gpa{gpa}, bytes));
    if (count < size)
        return failure(fmt::format("read 0x{:x} bytes at guest-physical 0x{:x}", size, gpa),
                       fmt::format("the memory ends at 0x{:x}", gpa + count));
    return bytes;
}

// The command is "xp /FORMAT ADDRESS" or "xp ADDRESS".
Result<std::string> xp(const Inspected& guest, const Arguments& arguments) {
    DumpFormat format;
    std::size_t place = 0;
    if (!arguments.words.empty() && arguments.words[0].starts_with('/')) {
        auto parsed = TRY(parse_dump_format(arguments.words[0].substr(1)));
        format = parsed;
        place = 1;
    }
    auto gpa = TRY(number_argument(arguments, place, "a guest-physical address"));
    auto bytes = TRY(read_all(guest, gpa, format.count * format.size));
    return format_dump(format, gpa, bytes);
}

// Where tools that were made for QEMU find the memory in /proc/PID/mem. They parse QEMU's words.
Result<std::string> gpa2hva(const Inspected& guest, const Arguments& arguments) {
    auto gpa = TRY(number_argument(arguments, 0, "a guest-physical address"));
    const auto byte = guest.view().memory().span(Gpa{gpa}, 1);
    if (byte.empty())
        return failure("gpa2hva", fmt::format("No memory is mapped at address 0x{:x}", gpa));
    return fmt::format("Host virtual address for 0x{:x} (memory) is {}\n", gpa, fmt::ptr(byte.data()));
}

Result<std::string> phys_read(const Inspected& guest, const Arguments& arguments) {
    auto gpa = TRY(number_argument(arguments, 0, "a guest-physical address"));
    auto size = TRY(number_argument(arguments, 1, "a number of bytes"));
    if (size > kMostToShow)
        return failure("phys read", fmt::format("at most 0x{:x} bytes are shown", kMostToShow),
                       "`monitor pmemsave` writes any number to a file");
    auto bytes = TRY(read_all(guest, gpa, size));
    return format_dump({size, 'x', 1}, gpa, bytes);
}

// "90", "0xcc", ...: each word is one byte in hexadecimal.
Result<std::vector<std::byte>> bytes_of(std::span<const std::string_view> words) {
    std::vector<std::byte> bytes;
    for (std::string_view word : words) {
        const std::string_view whole = word;
        if (word.starts_with("0x"))
            word.remove_prefix(2);
        const auto value = parse_digits<std::uint8_t>(word, 16);
        if (!value)
            return failure("phys write", fmt::format("\"{}\" is not a byte in hexadecimal", whole));
        bytes.push_back(std::byte{*value});
    }
    if (bytes.empty())
        return failure("phys write", "the bytes are missing", "For example: monitor phys write 0x1000 90 90");
    return bytes;
}

Result<std::string> phys_write(Debugger& debugger, const Arguments& arguments) {
    auto gpa = TRY(number_argument(arguments, 0, "a guest-physical address"));
    auto bytes = TRY(bytes_of(std::span(arguments.words).subspan(1)));
    if (debugger.stop_token() == nullptr)
        return guest_runs("phys write");
    TRY(debugger.guest().write_physical(*debugger.stop_token(), Gpa{gpa}, bytes));
    return fmt::format("Wrote {} bytes at guest-physical 0x{:x}.\n", bytes.size(), gpa);
}

// Refuses before it writes anything if not all of the memory exists.
Result<void> check_backed(const Inspected& guest, std::uint64_t gpa, std::uint64_t size) {
    for (std::uint64_t done = 0; done < size;) {
        const std::uint64_t there = guest.view().memory().extent(Gpa{gpa + done}, size - done);
        if (there == 0)
            return failure("pmemsave",
                           fmt::format("there is no RAM or ROM at guest-physical 0x{:x}", gpa + done));
        done += there;
    }
    return {};
}

Result<std::string> pmemsave(const Inspected& guest, const Arguments& arguments) {
    auto gpa = TRY(number_argument(arguments, 0, "a guest-physical address"));
    auto size = TRY(number_argument(arguments, 1, "a number of bytes"));
    if (arguments.words.size() < 3)
        return failure("pmemsave", "the file is missing",
                       "For example: monitor pmemsave 0 0x100000 /tmp/low-memory");
    TRY(check_backed(guest, gpa, size));
    const std::string path(without_quotes(arguments.words[2]));
    const auto save = [&](std::ofstream& file) -> Result<void> {
        for (std::uint64_t done = 0; done < size && file;) {
            const auto length = std::min<std::uint64_t>(kChunk, size - done);
            const auto bytes = TRY(read_all(guest, gpa + done, length));
            file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(length));
            done += length;
        }
        return {};
    };
    TRY(replace_file(path, save));
    return fmt::format("Wrote 0x{:x} bytes from guest-physical 0x{:x} to {}.\n", size, gpa, path);
}

}  // namespace

void add_memory_commands(MonitorRegistry& registry, Inspected& guest) {
    const auto add = [&](std::string name, std::string arguments, std::string help, std::size_t most_words,
                         auto run) {
        add_text(registry, guest,
                 {std::move(name), std::move(arguments), std::move(help), most_words,
                  [&guest, run](const Arguments& words) { return run(guest, words); }});
    };
    add("xp", "[/FORMAT] GPA",
        "physical memory in QEMU's form; FORMAT is a count, x d u o or c, and b h w or g", 2, xp);
    add("gpa2hva", "GPA",
        "where this byte is in the memory of Ringside's own process; breakpoints are visible there", 1,
        gpa2hva);
    add("phys read", "GPA SIZE", "physical memory, byte by byte", 2, phys_read);
    add("pmemsave", "GPA SIZE FILE", "writes physical memory to a file of the host", 3, pmemsave);
}

void add_memory_writing_command(MonitorRegistry& registry, Debugger& debugger) {
    constexpr std::size_t kMostBytes = 4096;
    add_text(registry, debugger,
             {"phys write", "GPA BYTE...", "writes bytes, in hexadecimal, to physical memory", 1 + kMostBytes,
              [&debugger](const Arguments& arguments) { return phys_write(debugger, arguments); }});
}

}  // namespace ringside::debug
