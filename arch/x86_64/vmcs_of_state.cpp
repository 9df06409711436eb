#include "arch/x86_64/vmcs_of_state.h"

#include "arch/x86_64/registers.h"

namespace ringside::x86 {

VmcsValues guest_state_area(const GeneralRegisters& general, const SystemRegisters& system,
                            const DebugRegisters& debug) {
    using enum VmcsField;
    VmcsValues vmcs;
    const auto segment = [&](const Segment& s, VmcsField selector, VmcsField base, VmcsField limit,
                             VmcsField rights) {
        vmcs.set(selector, s.selector);
        vmcs.set(base, s.base);
        vmcs.set(limit, s.limit);
        vmcs.set(rights, pack_attributes(s));
    };
    segment(system.es, GuestEsSelector, GuestEsBase, GuestEsLimit, GuestEsAccessRights);
    segment(system.cs, GuestCsSelector, GuestCsBase, GuestCsLimit, GuestCsAccessRights);
    segment(system.ss, GuestSsSelector, GuestSsBase, GuestSsLimit, GuestSsAccessRights);
    segment(system.ds, GuestDsSelector, GuestDsBase, GuestDsLimit, GuestDsAccessRights);
    segment(system.fs, GuestFsSelector, GuestFsBase, GuestFsLimit, GuestFsAccessRights);
    segment(system.gs, GuestGsSelector, GuestGsBase, GuestGsLimit, GuestGsAccessRights);
    segment(system.ldtr, GuestLdtrSelector, GuestLdtrBase, GuestLdtrLimit, GuestLdtrAccessRights);
    segment(system.tr, GuestTrSelector, GuestTrBase, GuestTrLimit, GuestTrAccessRights);
    vmcs.set(GuestGdtrBase, system.gdtr.base);
    vmcs.set(GuestGdtrLimit, system.gdtr.limit);
    vmcs.set(GuestIdtrBase, system.idtr.base);
    vmcs.set(GuestIdtrLimit, system.idtr.limit);
    vmcs.set(GuestCr0, system.cr0);
    vmcs.set(GuestCr3, system.cr3);
    vmcs.set(GuestCr4, system.cr4);
    vmcs.set(GuestIa32Efer, system.efer);
    vmcs.set(GuestDr7, debug.dr7);
    vmcs.set(GuestRsp, general.rsp);
    vmcs.set(GuestRip, general.rip);
    vmcs.set(GuestRflags, general.rflags);
    return vmcs;
}

}  // namespace ringside::x86
