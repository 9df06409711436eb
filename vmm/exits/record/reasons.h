// The meaning of an exit reason's number: its name, and the kind of address that goes with it. Userspace
// exits and hardware exits are numbered independently; the tables handle both through this interface.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "arch/x86_64/exit_reasons.h"
#include "vmm/exits/record/exit_record.h"

namespace ringside::exits {

// What ExitRecord::address means.
enum class AddressKind : std::uint8_t { None, Port, Memory, Msr, CpuidLeaf };

// An unknown address: the kernel's events do not name an MSR whose access goes to userspace. No port, MSR,
// leaf or gpa has this number.
inline constexpr std::uint64_t kUnknownAddress = ~std::uint64_t{0};

class Reasons {
  public:
    virtual ~Reasons() = default;
    // "IO", "EPT_VIOLATION"; "0x2b" for an unknown number.
    virtual std::string name(std::uint32_t reason) const = 0;
    virtual AddressKind address_kind(std::uint32_t reason) const = 0;
    // The number of a name, ignoring case, or of a literal number; nullopt for an unknown name.
    virtual std::optional<std::uint32_t> find(std::string_view name) const = 0;
};

// KVM_EXIT_*, and this project's pseudo-reasons.
class KvmReasons : public Reasons {
  public:
    std::string name(std::uint32_t reason) const override;
    AddressKind address_kind(std::uint32_t reason) const override;
    std::optional<std::uint32_t> find(std::string_view name) const override;
};

// The basic exit reasons of VMX or the exit codes of SVM.
class HardwareReasons : public Reasons {
  public:
    explicit HardwareReasons(x86::VirtualizationKind kind) : kind_(kind) {}
    x86::VirtualizationKind kind() const { return kind_; }
    std::string name(std::uint32_t reason) const override { return x86::exit_name(kind_, reason); }
    AddressKind address_kind(std::uint32_t reason) const override;
    std::optional<std::uint32_t> find(std::string_view name) const override;

  private:
    x86::VirtualizationKind kind_;
};

// Kinds of KVM_EXIT_* that the exit loop's observers distinguish: the access of an instruction to a port, to memory or
// to an MSR; an HLT; and exits at which the vCPU stops, if nothing else is done about them.
bool is_access(std::uint32_t reason);
bool is_halt(std::uint32_t reason);
bool is_stop(std::uint32_t reason);

}  // namespace ringside::exits
