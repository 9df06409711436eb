#include "vmm/devices/virtio/block.h"

#include <sys/stat.h>

#include "tests/unit/vmm/devices/virtio/driver_test.h"

namespace ringside::devices::virtio {
namespace {

constexpr std::size_t kSectors = 64;
constexpr std::size_t kSize = kSectors * 512;
constexpr std::uint64_t kFeatureReadOnly = 1 << 5;
constexpr std::uint64_t kFeatureFlush = 1 << 9;

enum Type : std::uint32_t { In = 0, Out = 1, Flush = 4, GetId = 8, Discard = 11, WriteZeroes = 13 };
enum Status : std::uint8_t { Ok = 0, IoError = 1, Unsupported = 2, Unwritten = 0xee };

using Header = ::virtio::BlockHeader;
struct Range {
    std::uint64_t sector;
    std::uint32_t sectors;
    std::uint32_t flags;
};

class VirtioBlock : public ::testing::Test {
  protected:
    void open(bool read_only = false) {
        device_ = std::make_unique<Block>(DiskImage::open({path_, read_only}).value());
        driver_ = std::make_unique<FakeDriver>(*device_);
        driver_->set_up();
    }
    void SetUp() override { open(); }

    // Does a request and returns its status.
    std::uint8_t request(const Header& header, std::vector<testing::Piece> data = {}) {
        data.insert(data.begin(), out(bytes_of(header)));
        data.push_back({{std::byte{Unwritten}}, true});
        places_ = driver_->send(0, data);
        written_ = driver_->take_used(0);
        return driver_->peek<std::uint8_t>(places_.back());
    }
    std::string image() const { return testing::file_content(path_); }
    std::string sector(std::size_t number) const { return image().substr(number * 512, 512); }

    testing::TemporaryFolder folder_;
    std::string path_ = folder_.image("disk.img", kSize);
    std::unique_ptr<Block> device_;
    std::unique_ptr<FakeDriver> driver_;
    std::vector<std::uint64_t> places_;
    std::optional<std::uint32_t> written_;
};

TEST_F(VirtioBlock, ShowsItsCapacity) {
    EXPECT_EQ(driver_->config<std::uint32_t>(0), kSectors);
    EXPECT_EQ(driver_->config<std::uint32_t>(20), 512U);
    EXPECT_EQ(driver_->offered_features() & kFeatureReadOnly, 0U);
}

TEST_F(VirtioBlock, ReadsSectors) {
    EXPECT_EQ(request({In, 0, 3}, {room(512), room(100), room(412)}), Ok);
    EXPECT_EQ(written_, 1025U);
    EXPECT_EQ(driver_->text_at(places_[1], 512), std::string(512, 3));
    EXPECT_EQ(driver_->text_at(places_[3], 412), std::string(412, 4));
}

TEST_F(VirtioBlock, WritesSectorsHoweverTheRequestIsCut) {
    const std::string text(1024, 'w');
    const auto raw = bytes(text);
    auto whole = bytes_of(Header{Out, 0, 10});
    whole.insert(whole.end(), raw.begin(), raw.begin() + 7);
    driver_->send(0, {out(whole), out({raw.begin() + 7, raw.end()}), room(1)});
    EXPECT_EQ(driver_->take_used(0), 1U);
    EXPECT_EQ(image().substr(10 * 512, 1024), text);
    EXPECT_EQ(sector(12), std::string(512, 12));
}

TEST_F(VirtioBlock, WhatWasFlushedIsInTheFile) {
    EXPECT_EQ(request({Out, 0, 0}, {out(bytes(std::string(512, 'f')))}), Ok);
    EXPECT_EQ(request({Flush, 0, 0}), Ok);
    EXPECT_EQ(sector(0), std::string(512, 'f'));
}

TEST_F(VirtioBlock, SaysWhatItIsCalled) {
    EXPECT_EQ(request({GetId, 0, 0}, {room(20)}), Ok);
    EXPECT_STREQ(driver_->text_at(places_[1], 20).c_str(), "disk.img");
}

TEST_F(VirtioBlock, DiscardsAndZeroes) {
    EXPECT_EQ(request({WriteZeroes, 0, 0}, {out(bytes_of(Range{5, 2, 0}))}), Ok);
    EXPECT_EQ(sector(5), std::string(512, 0));
    EXPECT_EQ(sector(6), std::string(512, 0));
    EXPECT_EQ(sector(7), std::string(512, 7));
    EXPECT_EQ(request({WriteZeroes, 0, 0}, {out(bytes_of(Range{8, 1, 1}))}), Ok);
    EXPECT_EQ(sector(8), std::string(512, 0));
    EXPECT_EQ(request({Discard, 0, 0}, {out(bytes_of(Range{9, 1, 0}))}), Ok);
    EXPECT_EQ(image().size(), kSize);
}

TEST_F(VirtioBlock, RangesBehindTheEndAreErrors) {
    const Range ranges[] = {{kSectors, 1, 0},
                            {kSectors - 1, 2, 0},
                            {~std::uint64_t{0}, 1, 0},
                            {std::uint64_t{1} << 55, 0xffffffff, 0},
                            {0, 0, 0}};
    for (const Range& range : ranges) {
        EXPECT_EQ(request({WriteZeroes, 0, 0}, {out(bytes_of(range))}), IoError);
        EXPECT_EQ(request({Discard, 0, 0}, {out(bytes_of(range))}), IoError);
    }
    EXPECT_EQ(request({Discard, 0, 0}, {out(bytes_of(Range{0, 1, 1}))}), Unsupported);
    EXPECT_EQ(request({WriteZeroes, 0, 0}, {out(bytes("short"))}), IoError);
    EXPECT_EQ(sector(0), std::string(512, 0));
}

TEST_F(VirtioBlock, AccessesBehindTheEndAreErrors) {
    for (const std::uint64_t sector :
         {std::uint64_t{kSectors}, std::uint64_t{kSectors - 1}, ~std::uint64_t{0}, std::uint64_t{1} << 55}) {
        EXPECT_EQ(request({In, 0, sector}, {room(1024)}), IoError);
        EXPECT_EQ(request({Out, 0, sector}, {out(std::vector<std::byte>(1024))}), IoError);
    }
    EXPECT_EQ(image().size(), kSize);
    EXPECT_FALSE(driver_->needs_reset());
}

TEST_F(VirtioBlock, PartsOfSectorsAreErrors) {
    EXPECT_EQ(request({In, 0, 0}, {room(511)}), IoError);
    EXPECT_EQ(request({Out, 0, 0}, {out(std::vector<std::byte>(513))}), IoError);
}

TEST_F(VirtioBlock, UnknownRequestsAreUnsupported) {
    EXPECT_EQ(request({99, 0, 0}, {room(512)}), Unsupported);
    EXPECT_EQ(written_, 1U);
}

TEST_F(VirtioBlock, ARequestWithoutAHeaderBreaksIt) {
    driver_->send(0, {out(bytes("short")), room(1)});
    EXPECT_TRUE(driver_->needs_reset());
    EXPECT_EQ(driver_->used_index(0), 0);
}

TEST_F(VirtioBlock, ARequestWithoutRoomForItsStatusBreaksIt) {
    driver_->send(0, {out(bytes_of(Header{Flush, 0, 0}))});
    EXPECT_TRUE(driver_->needs_reset());
}

TEST_F(VirtioBlock, AReadOnlyDiskRefusesWrites) {
    device_.reset();
    open(true);
    EXPECT_NE(driver_->offered_features() & kFeatureReadOnly, 0U);
    EXPECT_EQ(request({Out, 0, 0}, {out(std::vector<std::byte>(512))}), IoError);
    EXPECT_EQ(request({Discard, 0, 0}, {out(bytes_of(Range{0, 1, 0}))}), IoError);
    EXPECT_EQ(request({Flush, 0, 0}), Ok);
    EXPECT_EQ(request({In, 0, 1}, {room(512)}), Ok);
    EXPECT_EQ(sector(0), std::string(512, 0));
}

TEST_F(VirtioBlock, ADriverThatKnowsNoFlushIsServed) {
    driver_->set_up(kFeatureVersion1);
    EXPECT_EQ(request({Out, 0, 0}, {out(bytes(std::string(512, 'x')))}), Ok);
    EXPECT_EQ(sector(0), std::string(512, 'x'));
    EXPECT_NE(driver_->offered_features() & kFeatureFlush, 0U);
}

// ---- An overlay

class VirtioOverlay : public VirtioBlock {
  protected:
    void SetUp() override {
        auto opened = DiskImage::open({path_, false, true}).value();
        overlay_ = opened.overlay();
        device_ = std::make_unique<Block>(std::move(opened));
        driver_ = std::make_unique<FakeDriver>(*device_);
        driver_->set_up();
    }
    void fill(std::uint64_t sector, char with) {
        ASSERT_EQ(request({Out, 0, sector}, {out(bytes(std::string(512, with)))}), Ok);
    }
    char first_byte(std::uint64_t sector) {
        EXPECT_EQ(request({In, 0, sector}, {room(512)}), Ok);
        return driver_->peek<char>(places_[1]);
    }
    std::shared_ptr<DiskOverlay> overlay_;
};

TEST_F(VirtioOverlay, LeavesTheImageAsItIs) {
    const std::string before = image();
    fill(3, 'x');
    EXPECT_EQ(first_byte(3), 'x');
    EXPECT_EQ(first_byte(4), 4) << "the same cluster, as in the image";
    EXPECT_EQ(request({WriteZeroes, 0, 0}, {out(bytes_of(Range{5, 1, 0}))}), Ok);
    EXPECT_EQ(request({Discard, 0, 0}, {out(bytes_of(Range{6, 1, 0}))}), Ok);
    EXPECT_EQ(first_byte(5), 0);
    EXPECT_EQ(first_byte(6), 0);
    EXPECT_EQ(request({Flush, 0, 0}), Ok);
    EXPECT_EQ(image(), before);
}

TEST_F(VirtioOverlay, GoesBackToWhatWasSaved) {
    fill(3, 'x');
    const auto saved = overlay_->save();
    fill(3, 'y');
    EXPECT_EQ(first_byte(3), 'y');
    overlay_->restore(saved);
    EXPECT_EQ(first_byte(3), 'x');
    fill(3, 'z');
    overlay_->restore(saved);
    EXPECT_EQ(first_byte(3), 'x') << "what was written after a restore is not in the snapshot, either";
    overlay_->restore({});
    EXPECT_EQ(first_byte(3), 3);
}

TEST_F(VirtioOverlay, ARequestFromBeforeARestoreWritesNothing) {
    const auto era = overlay_->era();
    const std::vector<std::byte> data(512, std::byte{9});
    ASSERT_TRUE(overlay_->write(era, 0, data));
    overlay_->restore({});
    EXPECT_FALSE(overlay_->write(era, 0, data));
    EXPECT_FALSE(overlay_->zero(era, 512, 512));
    EXPECT_TRUE(overlay_->save().by_number.empty());
}

TEST_F(VirtioOverlay, CrossesClusters) {
    const std::string path = folder_.image("large.img", 3 * machine::DiskClusters::kSize + 512);
    const auto large = DiskImage::open({path, false, true}).value();
    const std::string original = testing::file_content(path);
    const std::vector<std::byte> data(machine::DiskClusters::kSize + 1024, std::byte{9});
    ASSERT_TRUE(large.write(machine::DiskClusters::kSize - 512, data));
    std::vector<std::byte> whole(original.size());
    ASSERT_TRUE(large.read(0, whole));
    std::string expected = original;
    expected.replace(machine::DiskClusters::kSize - 512, data.size(), data.size(), 9);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(whole.data()), whole.size()), expected);
    EXPECT_EQ(large.overlay()->save().by_number.size(), 3U);
    const std::vector<std::byte> end(512, std::byte{8});
    ASSERT_TRUE(large.write(original.size() - 512, end)) << "the last cluster is shorter in the image";
}

TEST_F(VirtioOverlay, SharesTheImageWithReaders) {
    EXPECT_TRUE(DiskImage::open({path_, true}));
    EXPECT_TRUE(DiskImage::open({path_, false, true}));
    EXPECT_FALSE(DiskImage::open({path_, false}));
}

TEST_F(VirtioOverlay, IsWhatMakesADiskSavable) {
    machine::DeviceStates states;
    device_->add_states(states);
    EXPECT_EQ(states.disks().size(), 1U);
    EXPECT_TRUE(states.unsavable().empty());
}

// ---- Images

class VirtioDiskImage : public ::testing::Test {
  protected:
    std::string refusal(const DiskSpec& spec) {
        const auto image = DiskImage::open(spec);
        return image ? "" : image.error().message();
    }
    testing::TemporaryFolder folder_;
};

TEST_F(VirtioDiskImage, HasOneWriterAndNoOtherUser) {
    const std::string path = folder_.image("disk.img", 512);
    {
        const auto writer = DiskImage::open({path, false});
        ASSERT_TRUE(writer);
        EXPECT_THAT(refusal({path, false}), HasSubstr("uses the image"));
        EXPECT_THAT(refusal({path, true}), HasSubstr("writes to the image"));
    }
    EXPECT_EQ(refusal({path, false}), "");
}

TEST_F(VirtioDiskImage, ThatIsWrittenCannotBeSaved) {
    machine::DeviceStates states;
    Block(DiskImage::open({folder_.image("a.img", 512), false}).value()).add_states(states);
    ASSERT_EQ(states.unsavable().size(), 1U);
    EXPECT_THAT(states.unsavable()[0].name, HasSubstr("a.img"));
    EXPECT_THAT(states.unsavable()[0].advice, HasSubstr("overlay"));
    machine::DeviceStates others;
    Block(DiskImage::open({folder_.image("b.img", 512), true}).value()).add_states(others);
    EXPECT_TRUE(others.unsavable().empty());
}

TEST_F(VirtioDiskImage, HasSeveralReaders) {
    const std::string path = folder_.image("disk.img", 512);
    const auto reader = DiskImage::open({path, true});
    EXPECT_EQ(refusal({path, true}), "");
    EXPECT_THAT(refusal({path, false}), HasSubstr("uses the image"));
}

TEST_F(VirtioDiskImage, IsAFileOfWholeSectors) {
    EXPECT_THAT(refusal({folder_ / "absent", false}), HasSubstr("No such file"));
    EXPECT_THAT(refusal({folder_ / "", false}), HasSubstr("directory"));
    EXPECT_THAT(refusal({"/dev/null", false}), HasSubstr("neither a file nor a block device"));
    EXPECT_THAT(refusal({folder_.image("empty", 0), false}), HasSubstr("empty"));
    EXPECT_THAT(refusal({folder_.image("odd", 513), false}), HasSubstr("513 bytes are no whole number"));
    ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
    EXPECT_THAT(refusal({folder_ / "fifo", false}), HasSubstr("neither"));
}

}  // namespace
}  // namespace ringside::devices::virtio
