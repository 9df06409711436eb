#include "vmm/machine/dirty_pages.h"

#include <bit>
#include <utility>

namespace ringside::machine {

namespace {

// Memory slots are numbered as the regions are (Machine::set_up_vm).
class KvmSource : public DirtyPages::Source {
  public:
    KvmSource(const kvm::Vm& vm, const GuestMemory& memory) : vm_(vm), memory_(memory) {}

    Result<void> start() override { return log(true); }
    Result<void> stop() override { return log(false); }

    // A slot that is deleted takes its translations with it.
    Result<void> forget_translations() override {
        std::uint32_t slot = 0;
        for (const MemoryRegion& region : memory_.regions()) {
            TRY(vm_.set_memory(slot, region.start(), 0, region.host(), 0));
            TRY(set(slot++, region, logging_));
        }
        return {};
    }

  protected:
    const kvm::Vm& vm() const { return vm_; }
    const GuestMemory& memory() const { return memory_; }

  private:
    Result<void> set(std::uint32_t slot, const MemoryRegion& region, bool on) const {
        const std::uint32_t flags =
            region.read_only() ? KVM_MEM_READONLY : (on ? KVM_MEM_LOG_DIRTY_PAGES : 0);
        return vm_.set_memory(slot, region.start(), region.size(), region.host(), flags);
    }

    Result<void> log(bool on) {
        std::uint32_t slot = 0;
        for (const MemoryRegion& region : memory_.regions())
            TRY(set(slot++, region, on));
        logging_ = on;
        return {};
    }

    const kvm::Vm& vm_;
    const GuestMemory& memory_;
    bool logging_ = false;
};

class RingSource final : public KvmSource {
  public:
    RingSource(const kvm::Vm& vm, const GuestMemory& memory, std::vector<kvm::DirtyRing> rings)
        : KvmSource(vm, memory), rings_(std::move(rings)) {}

    std::string_view name() const override { return "dirty ring"; }

    Result<void> collect(const std::function<void(Gpa)>& each) override {
        std::uint32_t count = 0;
        for (kvm::DirtyRing& ring : rings_) {
            count += ring.harvest([&](std::uint32_t slot, std::uint64_t page) {
                each(memory().regions()[slot].start() + page * kPageSize);
            });
        }
        return count == 0 ? Result<void>{} : vm().reset_dirty_rings();
    }

  private:
    std::vector<kvm::DirtyRing> rings_;
};

class LogSource final : public KvmSource {
  public:
    using KvmSource::KvmSource;

    std::string_view name() const override { return "dirty log"; }

    Result<void> collect(const std::function<void(Gpa)>& each) override {
        std::uint32_t slot = 0;
        for (const MemoryRegion& region : memory().regions()) {
            const std::uint32_t number = slot++;
            if (region.read_only())
                continue;
            bitmap_.assign((region.size() / kPageSize + 63) / 64, 0);
            TRY(vm().dirty_log(number, bitmap_));
            for (std::size_t i = 0; i < bitmap_.size(); ++i) {
                for (std::uint64_t word = bitmap_[i]; word != 0; word &= word - 1)
                    each(region.start() +
                         (i * 64 + static_cast<unsigned>(std::countr_zero(word))) * kPageSize);
            }
        }
        return {};
    }

  private:
    std::vector<std::uint64_t> bitmap_;
};

}  // namespace

Result<void> DirtyPages::start() {
    {
        const std::scoped_lock lock(mutex_);
        noted_.clear();
    }
    TRY(source_->start());
    memory_.set_write_listener(this);
    active_ = true;
    return {};
}

Result<void> DirtyPages::stop() {
    memory_.set_write_listener(nullptr);
    active_ = false;
    return source_->stop();
}

Result<void> DirtyPages::collect(const std::function<void(Gpa)>& each) {
    TRY(source_->collect(each));
    const std::scoped_lock lock(mutex_);
    for (const Gpa page : std::exchange(noted_, {}))
        each(page);
    return {};
}

void DirtyPages::written(Gpa gpa, std::uint64_t size) {
    if (size == 0)
        return;
    const std::scoped_lock lock(mutex_);
    for (std::uint64_t page = gpa.value / kPageSize; page <= (gpa.value + size - 1) / kPageSize; ++page)
        noted_.push_back(Gpa{page * kPageSize});
}

std::unique_ptr<DirtyPages::Source> kvm_dirty_pages(const kvm::Vm& vm, const GuestMemory& memory,
                                                    std::vector<kvm::DirtyRing> rings) {
    if (rings.empty())
        return std::make_unique<LogSource>(vm, memory);
    return std::make_unique<RingSource>(vm, memory, std::move(rings));
}

}  // namespace ringside::machine
