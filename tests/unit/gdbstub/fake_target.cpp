#include "tests/unit/gdbstub/fake_target.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace ringside::gdbstub {
namespace {

constexpr std::uint32_t kExpedited[] = {FakeTarget::kPc, 7};

TargetError error(TargetError::Code code, std::string message) {
    return {code, std::move(message)};
}

std::string describe(const ThreadResume& resume) {
    const auto suffix = [](const std::optional<Signal>& signal) {
        return signal ? fmt::format("({})", static_cast<int>(*signal)) : std::string();
    };
    std::string text = fmt::format(" {}:", resume.thread.value);
    if (const auto* go = std::get_if<Continue>(&resume.action))
        return text + "c" + suffix(go->signal);
    if (const auto* step = std::get_if<Step>(&resume.action))
        return text + "s" + suffix(step->signal);
    const auto& range = std::get<RangeStep>(resume.action);
    return text + fmt::format("r{:x},{:x}", range.start, range.end);
}

}  // namespace

FakeTarget::FakeTarget(std::uint32_t threads) : count_(threads) {
    for (std::uint32_t t = 1; t <= threads; ++t)
        for (std::size_t r = 0; r < kRegisters; ++r)
            registers_of[t][r] = t * 0x100 + r;
    for (std::size_t i = 0; i < memory.size(); ++i)
        memory[i] = static_cast<std::byte>(i);
    texts[{"features", "target.xml"}] = "<target/>";
}

Target FakeTarget::bundle() {
    return Target{.threads = *this,
                  .registers = *this,
                  .memory = *this,
                  .execution = *this,
                  .breakpoints = this,
                  .stepping = this,
                  .restart = this,
                  .documents = this,
                  .monitor = this,
                  .triple = "x86_64-unknown-unknown",
                  .address_bytes = 8};
}

void FakeTarget::poke(Address address, std::string_view bytes) {
    std::memcpy(memory.data() + (address - kMemoryStart), bytes.data(), bytes.size());
}

std::vector<ThreadId> FakeTarget::threads() const {
    std::vector<ThreadId> ids;
    for (std::uint32_t t = 1; t <= count_; ++t)
        ids.push_back(ThreadId{t});
    return ids;
}

Result<ThreadInfo> FakeTarget::thread_info(ThreadId id) {
    return ThreadInfo{id, id.value - 1, fmt::format("vCPU {}", id.value - 1), "halted & <idle>"};
}

Result<void> FakeTarget::read_all(ThreadId id, std::vector<std::byte>& out,
                                  std::vector<std::pair<std::size_t, std::size_t>>& unavailable) {
    if (read_error)
        return tl::unexpected(*read_error);
    const auto bytes = std::as_bytes(std::span(registers_of.at(id.value)));
    out.insert(out.end(), bytes.begin(), bytes.end());
    unavailable.emplace_back(kUnavailable * 8, 8);
    return {};
}

Result<void> FakeTarget::write_all(ThreadId id, std::span<const std::byte> bytes) {
    if (bytes.size() != kRegisters * 8)
        return tl::unexpected(error(TargetError::Code::Invalid, "wrong size"));
    std::memcpy(registers_of.at(id.value).data(), bytes.data(), bytes.size());
    return {};
}

Result<std::vector<std::byte>> FakeTarget::read(ThreadId id, std::uint32_t regno) {
    if (regno >= kRegisters)
        return tl::unexpected(error(TargetError::Code::Invalid, "no register of that number"));
    if (regno == kUnavailable)
        return std::vector<std::byte>{};
    const auto bytes = std::as_bytes(std::span(registers_of.at(id.value)).subspan(regno, 1));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
}

Result<void> FakeTarget::write(ThreadId id, std::uint32_t regno, std::span<const std::byte> bytes) {
    if (regno >= kRegisters || bytes.size() != 8)
        return tl::unexpected(error(TargetError::Code::Invalid, "bad register"));
    std::memcpy(&registers_of.at(id.value)[regno], bytes.data(), 8);
    return {};
}

std::span<const std::uint32_t> FakeTarget::expedited() const {
    return kExpedited;
}

Result<std::uint32_t> FakeTarget::save(ThreadId id) {
    saved_.push_back(registers_of.at(id.value));
    return static_cast<std::uint32_t>(saved_.size());
}

Result<void> FakeTarget::restore(ThreadId id, std::uint32_t slot) {
    if (slot == 0 || slot > saved_.size())
        return tl::unexpected(error(TargetError::Code::Invalid, "nothing saved there"));
    registers_of.at(id.value) = saved_[slot - 1];
    return {};
}

std::optional<Registers::Info> FakeTarget::info(std::uint32_t regno) const {
    if (regno >= kRegisters)
        return std::nullopt;
    Info info;
    info.name = regno == kPc ? "rip" : fmt::format("r{}", regno);
    info.alt_name = regno == kPc ? "pc" : "";
    info.generic = regno == kPc ? "pc" : "";
    info.set = "General";
    info.format = "hex";
    info.encoding = "uint";
    info.bits = 64;
    info.offset = regno * 8;
    info.dwarf = regno == kPc ? 16 : -1;
    return info;
}

Result<std::size_t> FakeTarget::read(ThreadId, Address address, std::span<std::byte> out) {
    const Address start = physical_ ? 0 : kMemoryStart;
    if (address < start || address >= start + memory.size())
        return tl::unexpected(error(TargetError::Code::Fault, "not mapped"));
    const std::size_t offset = address - start;
    const std::size_t count = std::min(out.size(), memory.size() - offset);
    std::memcpy(out.data(), memory.data() + offset, count);
    return count;
}

Result<void> FakeTarget::write(ThreadId, Address address, std::span<const std::byte> bytes) {
    if (address < kMemoryStart || address - kMemoryStart > memory.size() ||
        bytes.size() > memory.size() - (address - kMemoryStart))
        return tl::unexpected(error(TargetError::Code::Fault, "not mapped"));
    std::copy(bytes.begin(), bytes.end(),
              memory.begin() + static_cast<std::ptrdiff_t>(address - kMemoryStart));
    return {};
}

Result<MemoryRegion> FakeTarget::region(ThreadId, Address address) {
    if (address < kMemoryStart)
        return MemoryRegion{0, kMemoryStart, false, false, false, false};
    return MemoryRegion{kMemoryStart, memory.size(), true, true, true, false};
}

Result<void> FakeTarget::resume(std::span<const ThreadResume> list) {
    std::string line = "resume";
    for (const ThreadResume& resume : list)
        line += describe(resume);
    log.push_back(line);
    if (resume_error)
        return tl::unexpected(*resume_error);
    is_running = true;
    if (on_resume)
        on_resume();
    return {};
}

Result<void> FakeTarget::go_back(ThreadId id, bool one_step) {
    log.push_back(fmt::format("back {}:{}", id.value, one_step ? "s" : "c"));
    is_running = true;
    return {};
}

Result<void> FakeTarget::restart(const Wanted& wanted) {
    if (restart_error)
        return tl::unexpected(*restart_error);
    log.push_back(fmt::format("restart '{}' [{}]", wanted.file, fmt::join(wanted.arguments, ",")));
    return {};
}

Result<void> FakeTarget::insert(ThreadId, const BreakpointRequest& request) {
    if (insert_error)
        return tl::unexpected(*insert_error);
    inserted.push_back(request);
    return {};
}

Result<void> FakeTarget::remove(ThreadId, BreakpointKind kind, Address address, std::uint64_t size) {
    log.push_back(fmt::format("remove {} {:x} {:x}", static_cast<int>(kind), address, size));
    return {};
}

std::optional<std::string> FakeTarget::document(std::string_view object, std::string_view annex) {
    const auto found = texts.find({std::string(object), std::string(annex)});
    return found == texts.end() ? std::nullopt : std::optional(found->second);
}

MonitorAnswer FakeTarget::run(ThreadId id, std::string_view line) {
    return {command ? command(id, line) : fmt::format("{} on {}\n", line, id.value)};
}

}  // namespace ringside::gdbstub
