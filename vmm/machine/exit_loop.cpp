// One turn of the exit loop: KVM_RUN, and what follows from each exit reason (KVM API, 5. The kvm_run
// structure).

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "vmm/exits/record/failure.h"
#include "vmm/exits/record/tsc_clock.h"
#include "vmm/machine/vcpu_thread.h"

namespace ringside::machine {

namespace {

std::uint64_t first_value(std::span<const std::byte> data) {
    std::uint64_t value = 0;
    std::memcpy(&value, data.data(), std::min(data.size(), sizeof value));
    return value;
}

}  // namespace

void VcpuThread::run_once() {
    exits::ExitRecord record;
    finished_an_access_ = std::exchange(completion_pending_, false);
    record.entered = exits::read_tsc();
    const auto outcome = vcpu_->run();
    record.exited = exits::read_tsc();
    if (!outcome)
        return on_failed_run(record, outcome.error());
    switch (*outcome) {
        case kvm::RunOutcome::Interrupted:
            record.reason = exits::kReasonInterrupted;
            break;
        case kvm::RunOutcome::Again:
            record.reason = exits::kReasonAgain;
            break;
        case kvm::RunOutcome::Exit:
            record.reason = vcpu_->shared().exit_reason;
            break;
    }
    finish(record);
}

void VcpuThread::on_failed_run(exits::ExitRecord& record, const Error& error) {
    if (error.code != EFAULT || !observer_.on_write_fault(*this)) {
        run_error_ = error;
        return fatal(FatalExit::RunFailure);
    }
    record.reason = exits::kReasonWriteFault;
    if (vcpu_->has_synced_registers())
        record.rip = vcpu_->synced_registers().rip;
    note(record);
}

// Handles an exit and records it: of the loop, or of finish_exit().
void VcpuThread::finish(exits::ExitRecord& record) {
    if (vcpu_->has_synced_registers())
        record.rip = vcpu_->synced_registers().rip;
    if (record.reason == exits::kReasonInterrupted)
        observer_.on_interrupted(*this);
    else if (record.reason != exits::kReasonAgain)
        handle_exit(record);
    note(record);
}

void VcpuThread::note(exits::ExitRecord& record) {
    record.handled = exits::read_tsc();
    recorder_.record(record);
    if (watch_exits_.load(std::memory_order_relaxed))
        observer_.on_exit(*this, record);
}

void VcpuThread::handle_exit(exits::ExitRecord& record) {
    switch (vcpu_->shared().exit_reason) {
        case KVM_EXIT_IO:
            return handle_pio(record);
        case KVM_EXIT_MMIO:
            return handle_mmio(record);
        case KVM_EXIT_X86_RDMSR:
            return handle_msr(record, false);
        case KVM_EXIT_X86_WRMSR:
            return handle_msr(record, true);
        case KVM_EXIT_DEBUG:
            return observer_.on_debug_exit(*this);
        case KVM_EXIT_SHUTDOWN:
            return fatal(FatalExit::TripleFault);
        case KVM_EXIT_INTERNAL_ERROR:
            exits::note_failure(record, vcpu_->shared());
            return fatal(vcpu_->shared().internal.suberror == KVM_INTERNAL_ERROR_EMULATION
                             ? FatalExit::EmulationFailure
                             : FatalExit::InternalError);
        case KVM_EXIT_FAIL_ENTRY:
            exits::note_failure(record, vcpu_->shared());
            return fatal(FatalExit::EntryFailure);
        case KVM_EXIT_DIRTY_RING_FULL:
            return observer_.on_dirty_ring_full(*this);
        case KVM_EXIT_INTR:             // a signal: the loop checks its cause
        case KVM_EXIT_IRQ_WINDOW_OPEN:  // never asked for, and harmless
        case KVM_EXIT_SET_TPR:
        case KVM_EXIT_IOAPIC_EOI:
            return;
        default:
            return fatal(FatalExit::Unhandled);
    }
}

void VcpuThread::handle_pio(exits::ExitRecord& record) {
    auto& run = vcpu_->shared();
    const auto& io = run.io;
    auto* data = reinterpret_cast<std::byte*>(&run) + io.data_offset;
    const std::size_t size = io.size;
    const bool in = io.direction == KVM_EXIT_IO_IN;
    for (std::uint32_t i = 0; i < io.count; ++i) {
        const std::span<std::byte> access(data + i * size, size);
        if (in)
            buses_.pio.read(io.port, access);
        else
            buses_.pio.write(io.port, access);
    }
    record.direction = in ? exits::Direction::Read : exits::Direction::Write;
    record.size = static_cast<std::uint8_t>(size);
    record.count = static_cast<std::uint16_t>(io.count);
    record.address = io.port;
    record.value = first_value({data, size});
    completion_pending_ = true;
    ++accesses_;
    if (!in && io.port == stop_port_.load(std::memory_order_relaxed))
        observer_.on_stop_port(*this, record.value);
}

void VcpuThread::handle_mmio(exits::ExitRecord& record) {
    auto& mmio = vcpu_->shared().mmio;
    // KVM splits accesses at 8 bytes.
    const std::span<std::byte> data(reinterpret_cast<std::byte*>(mmio.data),
                                    std::min<std::size_t>(mmio.len, 8));
    if (!mmio.is_write)
        buses_.mmio.read(mmio.phys_addr, data);
    else if (!observer_.on_unwritten(*this, Gpa{mmio.phys_addr}, data))
        buses_.mmio.write(mmio.phys_addr, data);
    record.direction = mmio.is_write ? exits::Direction::Write : exits::Direction::Read;
    record.size = static_cast<std::uint8_t>(data.size());
    record.address = mmio.phys_addr;
    record.value = first_value(data);
    completion_pending_ = true;
    ++accesses_;
}

// An access to an MSR that KVM does not know raises the #GP that hardware raises for an MSR that does not exist. One to an
// MSR that the filter lists is made by KVM, as an access of the monitor's: it may succeed where the guest's own would not,
// such as a write to an MSR that is read-only to the guest.
void VcpuThread::handle_msr(exits::ExitRecord& record, bool write) {
    auto& msr = vcpu_->shared().msr;
    msr.error = 1;
    if ((msr.reason & KVM_MSR_EXIT_REASON_FILTER) != 0) {
        kvm::Msr known{msr.index, msr.data};
        const std::span one(&known, 1);
        if (write ? vcpu_->write_msrs(one).has_value() : vcpu_->read_msrs(one) == std::size_t{1}) {
            msr.data = known.value;
            msr.error = 0;
        }
    }
    record.direction = write ? exits::Direction::Write : exits::Direction::Read;
    record.size = 8;
    record.address = msr.index;
    record.value = write || msr.error == 0 ? msr.data : 0;
    completion_pending_ = true;
    ++accesses_;
}

void VcpuThread::fatal(FatalExit cause) {
    observer_.on_fatal_exit(*this, cause);
}

}  // namespace ringside::machine
