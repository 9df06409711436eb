#include "vmm/debug/core/core_file.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "gdbstub/hex.h"
#include "vmm/base/fd.h"
#include "vmm/debug/core/core_memory.h"

namespace ringside::debug {

namespace {

constexpr std::uint64_t kMostNotes = 64U << 20;  // bytes

struct ElfEnd {
    void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfEnd>;

// The file while it is read.
struct Reading {
    std::string path;
    std::uint64_t size = 0;
    ElfHandle elf;
    bool long_mode = true;
    std::vector<FileSegment> segments;
    std::vector<CoreVcpu> vcpus;
    std::vector<std::string_view> register_notes;  // of libelf's
    std::optional<Bytes> vmcoreinfo;

    tl::unexpected<Error> refuse(const std::string& why) const { return failure("read " + path, why); }
};

Result<void> check_header(Reading& reading) {
    GElf_Ehdr header;
    if (elf_kind(reading.elf.get()) != ELF_K_ELF || gelf_getehdr(reading.elf.get(), &header) == nullptr)
        return reading.refuse("it is not an ELF file, or ends within its header");
    if (gelf_getclass(reading.elf.get()) != ELFCLASS64)
        return reading.refuse("it is a 32-bit ELF file: vmcores of 64-bit form are read");
    if (header.e_type != ET_CORE)
        return reading.refuse("it is an ELF file, but no core file");
    if (header.e_machine != EM_X86_64 && header.e_machine != EM_386)
        return reading.refuse("its machine is not an x86");
    // libelf counts the headers that are there.
    const std::uint64_t table = std::uint64_t{header.e_phnum} * header.e_phentsize;
    if (header.e_phnum != PN_XNUM && (header.e_phoff > reading.size || table > reading.size - header.e_phoff))
        return reading.refuse(fmt::format("it is cut off: it should have {} program headers from 0x{:x}",
                                          header.e_phnum, header.e_phoff));
    reading.long_mode = header.e_machine == EM_X86_64;
    return {};
}

Result<void> check_place(const Reading& reading, const char* what, std::size_t index,
                         const GElf_Phdr& segment) {
    if (segment.p_offset > reading.size || segment.p_filesz > reading.size - segment.p_offset)
        return reading.refuse(
            fmt::format("it is cut off: {} {} needs {} bytes from 0x{:x}, and the file has {}", what, index,
                        segment.p_filesz, segment.p_offset, reading.size));
    if (segment.p_filesz > ~segment.p_paddr)
        return reading.refuse(fmt::format("{} {} wraps around the physical address space", what, index));
    return {};
}

Result<void> read_note(Reading& reading, std::string_view owner, std::uint32_t type,
                       std::span<const std::byte> content) {
    if (owner == "QEMU") {
        auto state = from_qemu_note(content, reading.long_mode);
        if (!state)
            return reading.refuse("a note of QEMU's about a CPU has an unknown form");
        reading.vcpus.push_back({*state, {}});
    } else if (owner == kRegistersOwner && type == 1) {
        reading.register_notes.emplace_back(reinterpret_cast<const char*>(content.data()), content.size());
    } else if (owner == "VMCOREINFO" && !reading.vmcoreinfo) {
        reading.vmcoreinfo = elf_note(owner, type, content);
    }
    return {};
}

Result<void> read_notes(Reading& reading, std::size_t index, const GElf_Phdr& segment) {
    TRY(check_place(reading, "note segment", index, segment));
    if (segment.p_filesz == 0)
        return {};
    if (segment.p_filesz > kMostNotes)
        return reading.refuse("its notes are longer than any vmcore's");
    Elf_Data* data = elf_getdata_rawchunk(reading.elf.get(), static_cast<std::int64_t>(segment.p_offset),
                                          segment.p_filesz, ELF_T_NHDR);
    if (data == nullptr)
        return reading.refuse(fmt::format("its notes cannot be read: {}", elf_errmsg(-1)));
    const auto* bytes = static_cast<const std::byte*>(data->d_buf);
    for (std::size_t offset = 0; offset < data->d_size;) {
        GElf_Nhdr note;
        std::size_t name = 0, content = 0;
        const std::size_t next = gelf_getnote(data, offset, &note, &name, &content);
        if (next == 0)
            return reading.refuse("its notes are damaged");
        const std::string_view owner(reinterpret_cast<const char*>(bytes) + name, note.n_namesz);
        TRY(read_note(reading, owner.substr(0, owner.find('\0')), note.n_type,
                      std::span(bytes + content, note.n_descsz)));
        offset = next;
    }
    return {};
}

Result<void> read_segments(Reading& reading) {
    std::size_t count = 0;
    if (elf_getphdrnum(reading.elf.get(), &count) != 0)
        return reading.refuse(fmt::format("its program headers cannot be read: {}", elf_errmsg(-1)));
    for (std::size_t i = 0; i < count; ++i) {
        GElf_Phdr segment;
        if (gelf_getphdr(reading.elf.get(), static_cast<int>(i), &segment) == nullptr)
            return reading.refuse(fmt::format("it is cut off: it has no program header {} of {}", i, count));
        if (segment.p_type == PT_NOTE) {
            TRY(read_notes(reading, i, segment));
        } else if (segment.p_type == PT_LOAD) {
            TRY(check_place(reading, "segment", i, segment));
            reading.segments.push_back({segment.p_paddr, segment.p_offset, segment.p_filesz});
        }
    }
    return {};
}

std::optional<Bytes> bytes_of_hex(std::string_view text) {
    Bytes bytes;
    return gdbstub::decode_hex(text, bytes) ? std::optional(bytes) : std::nullopt;
}

// Registers that this version does not have are passed over.
Result<void> read_registers(const Reading& reading, std::string_view text, const x86::RegisterFile& file,
                            CoreVcpu& vcpu) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        const std::size_t equals = line.find('=');
        const auto value =
            equals == std::string_view::npos ? std::nullopt : bytes_of_hex(line.substr(equals + 1));
        if (!value)
            return reading.refuse("a note about a CPU's registers is damaged");
        const x86::RegisterInfo* info = file.find(line.substr(0, equals));
        if (info != nullptr && !file.write(vcpu.state, info->regno, *value))
            return reading.refuse(fmt::format("a note has no value that ${} could have", info->name));
        if (info != nullptr)
            vcpu.registers.insert(info->name);
        text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    return {};
}

Result<x86::FeatureSet> read_all_registers(Reading& reading) {
    if (reading.vcpus.empty())
        return reading.refuse(
            "it has no notes of CPUs' system registers: dumps by Ringside and by QEMU's dump-guest-memory "
            "have them");
    if (reading.register_notes.empty())
        return x86::FeatureSet{};
    if (reading.register_notes.size() != reading.vcpus.size())
        return reading.refuse(fmt::format("it has {} notes of registers for {} CPUs",
                                          reading.register_notes.size(), reading.vcpus.size()));
    const x86::RegisterFile all(x86::FeatureSet{true, true, true});
    for (std::size_t i = 0; i < reading.vcpus.size(); ++i)
        TRY(read_registers(reading, reading.register_notes[i], all, reading.vcpus[i]));
    const auto& names = reading.vcpus.front().registers;
    return x86::FeatureSet{names.contains("ymm0h"), names.contains("k0"), names.contains("pkru")};
}

// What QEMU's note leaves out.
constexpr std::string_view kNotInQemusNote[] = {"efer", "cr8", "apic_base"};

}  // namespace

bool CoreVcpu::known(const x86::RegisterInfo& info) const {
    if (!registers.empty())
        return registers.contains(info.name);
    switch (info.register_class) {
        case x86::RegisterClass::General:
            return true;
        case x86::RegisterClass::System:
            return std::ranges::find(kNotInQemusNote, info.name) == std::end(kNotInQemusNote);
        case x86::RegisterClass::Msrs:
            return info.name == "k_gs_base";
        default:
            return false;
    }
}

Result<CoreFile> CoreFile::open(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a pipe must not be waited for
    struct stat status {};
    if (fd.get() < 0 || ::fstat(fd.get(), &status) < 0)
        return errno_failure("open " + path, errno);
    if (!S_ISREG(status.st_mode))
        return failure("read " + path, "it is not a file");
    elf_version(EV_CURRENT);
    Reading reading;
    reading.path = path;
    reading.size = static_cast<std::uint64_t>(status.st_size);
    reading.elf.reset(elf_begin(fd.get(), ELF_C_READ, nullptr));
    TRY(check_header(reading));
    TRY(read_segments(reading));
    auto features = TRY(read_all_registers(reading));
    reading.elf.reset();  // it reads by the descriptor, which goes to the memory
    const auto segments = disjoint(std::move(reading.segments));
    if (segments.empty())
        return reading.refuse("it has no memory");
    auto memory = TRY(memory_of(std::move(fd), segments));
    return CoreFile{std::move(reading.vcpus), std::move(memory), std::move(reading.vmcoreinfo), features};
}

}  // namespace ringside::debug
