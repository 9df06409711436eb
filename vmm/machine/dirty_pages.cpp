#include "vmm/machine/dirty_pages.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace ringside::machine {

namespace {

class KvmSource : public DirtyPages::Source {
  public:
    KvmSource(const kvm::Vm& vm, MemorySlots& slots) : vm_(vm), slots_(slots) {}

    Result<void> start() override { return slots_.log(true); }
    Result<void> stop() override { return slots_.log(false); }
    Result<void> forget_translations() override { return slots_.renew(); }

  protected:
    const kvm::Vm& vm() const { return vm_; }
    std::span<const MemorySlot> slots() const { return slots_.slots(); }

  private:
    const kvm::Vm& vm_;
    MemorySlots& slots_;
};

class RingSource final : public KvmSource {
  public:
    RingSource(const kvm::Vm& vm, MemorySlots& slots, std::vector<kvm::DirtyRing> rings)
        : KvmSource(vm, slots), rings_(std::move(rings)) {}

    std::string_view name() const override { return "dirty ring"; }
    bool is_unlimited() const override { return false; }

    Result<void> start() override { return overrun_ ? overrun() : KvmSource::start(); }

    // KVM stops a vCPU before its ring is full. But its instruction emulator may go on past the end, and overwrites
    // entries: then all are new, and where KVM writes the next one is unknown for good.
    Result<void> collect(const std::function<void(Gpa)>& each) override {
        std::uint32_t count = 0;
        for (kvm::DirtyRing& ring : rings_) {
            const std::uint32_t entries = ring.harvest([&](std::uint32_t slot, std::uint64_t page) {
                each(slots()[slot].start + page * kPageSize);
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
        std::uint32_t next = 0;
        for (const MemorySlot& slot : slots()) {
            const std::uint32_t number = next++;
            if (slot.read_only)
                continue;
            bitmap_.resize((slot.size / kPageSize + 63) / 64);
            TRY(vm().dirty_log(number, bitmap_));
            for (std::size_t i = 0; i < bitmap_.size(); ++i) {
                for (std::uint64_t word = bitmap_[i]; word != 0; word &= word - 1)
                    each(slot.start + (i * 64 + static_cast<unsigned>(std::countr_zero(word))) * kPageSize);
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

void DirtyPages::about_to_forget() {
    if (!readers_.empty())
        complete_ = collect();
}

Result<void> DirtyPages::forget_translations() {
    about_to_forget();
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

std::unique_ptr<DirtyPages::Source> kvm_dirty_pages(const kvm::Vm& vm, MemorySlots& slots,
                                                    std::vector<kvm::DirtyRing> rings) {
    if (rings.empty())
        return std::make_unique<LogSource>(vm, slots);
    return std::make_unique<RingSource>(vm, slots, std::move(rings));
}

}  // namespace ringside::machine
