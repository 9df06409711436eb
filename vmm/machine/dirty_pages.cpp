#include "vmm/machine/dirty_pages.h"

#include <algorithm>
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
    bool is_unlimited() const override { return false; }

    Result<void> start() override { return overrun_ ? overrun() : KvmSource::start(); }

    // KVM stops a vCPU before its ring is full. But its instruction emulator may go on past the end, and overwrites
    // entries: then all are new, and where KVM writes the next one is unknown for good.
    Result<void> collect(const std::function<void(Gpa)>& each) override {
        std::uint32_t count = 0;
        for (kvm::DirtyRing& ring : rings_) {
            const std::uint32_t entries = ring.harvest([&](std::uint32_t slot, std::uint64_t page) {
                each(memory().regions()[slot].start() + page * kPageSize);
            });
            overrun_ = overrun_ || entries >= kvm::DirtyRing::kEntries;
            count += entries;
        }
        if (overrun_)
            return overrun();
        return count == 0 ? Result<void>{} : vm().reset_dirty_rings();
    }

  private:
    static Result<void> overrun() {
        return failure("read the dirty ring",
                       "KVM has written past its end, and which pages the guest has written is unknown",
                       "Start the machine without --record, and use `monitor record on`");
    }

    bool overrun_ = false;
    std::vector<kvm::DirtyRing> rings_;
};

class LogSource final : public KvmSource {
  public:
    using KvmSource::KvmSource;

    std::string_view name() const override { return "dirty log"; }
    bool is_unlimited() const override { return true; }

    Result<void> collect(const std::function<void(Gpa)>& each) override {
        std::uint32_t slot = 0;
        for (const MemoryRegion& region : memory().regions()) {
            const std::uint32_t number = slot++;
            if (region.read_only())
                continue;
            bitmap_.resize((region.size() / kPageSize + 63) / 64);
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

Result<void> DirtyPages::add(Reader& reader) {
    if (readers_.empty()) {
        {
            const std::scoped_lock lock(mutex_);
            noted_.clear();
        }
        TRY(source_->start());
        complete_ = {};
        memory_.set_write_listener(this);
    }
    readers_.push_back(&reader);
    return {};
}

Result<void> DirtyPages::remove(Reader& reader) {
    if (std::erase(readers_, &reader) == 0 || !readers_.empty())
        return {};
    memory_.set_write_listener(nullptr);
    return source_->stop();
}

Result<void> DirtyPages::collect() {
    TRY(complete_);
    const auto tell = [this](Gpa page) {
        for (Reader* reader : readers_)
            reader->page_written(page);
    };
    TRY(source_->collect(tell));
    const std::scoped_lock lock(mutex_);
    for (const std::uint64_t page : noted_)
        tell(Gpa{page * kPageSize});
    noted_.clear();
    return {};
}

Result<void> DirtyPages::forget_translations() {
    if (!readers_.empty())
        complete_ = collect();
    return source_->forget_translations();
}

void DirtyPages::replace_source(std::unique_ptr<Source> source) {
    source_ = std::move(source);
    if (readers_.empty())
        return;
    complete_ = source_->start();
    for (Reader* reader : readers_)
        reader->all_written();
}

void DirtyPages::written(Gpa gpa, std::uint64_t size) {
    if (size == 0)
        return;
    const std::scoped_lock lock(mutex_);
    for (std::uint64_t page = gpa.value / kPageSize; page <= (gpa.value + size - 1) / kPageSize; ++page)
        noted_.insert(page);
}

std::unique_ptr<DirtyPages::Source> kvm_dirty_pages(const kvm::Vm& vm, const GuestMemory& memory,
                                                    std::vector<kvm::DirtyRing> rings) {
    if (rings.empty())
        return std::make_unique<LogSource>(vm, memory);
    return std::make_unique<RingSource>(vm, memory, std::move(rings));
}

}  // namespace ringside::machine
