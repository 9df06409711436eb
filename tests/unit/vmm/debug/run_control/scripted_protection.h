// Write protection that protects nothing, and remembers what it was asked for.
#pragma once

#include <vector>

#include "vmm/machine/write_protection.h"

namespace ringside::testing {

class ScriptedProtection final : public machine::WriteProtection {
  public:
    explicit ScriptedProtection(machine::GuestMemory& memory) : WriteProtection(memory) {}
    bool refuses = false;

  private:
    Result<void> replace(std::span<const Gpa>) override {
        return refuses ? Result<void>(failure("protect", "no file can be made")) : Result<void>{};
    }
    Result<void> map_writable(bool) override { return {}; }
    void drop() override {}
};

}  // namespace ringside::testing
