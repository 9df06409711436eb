#include "vmm/exits/hardware/kvm_statistics.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/vmm/exits/temporary_file.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/exits/report/statistics_tables.h"
#include "vmm/kvm/kvm_abi.h"
#include "vmm/kvm/system.h"
#include "vmm/kvm/vm.h"

namespace ringside::exits {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint32_t kNameSize = 48;

void append_name(std::vector<std::byte>& out, std::string_view name) {
    const std::size_t end = out.size() + kNameSize;
    for (const char c : name)
        out.push_back(static_cast<std::byte>(c));
    out.resize(end);
}

struct Given {
    const char* name;
    std::uint32_t flags;
    std::int16_t exponent;
    std::uint32_t bucket_size;
    std::vector<std::uint64_t> values;
};

// A file as the kernel lays it out: header, id, descriptors, data.
std::vector<std::byte> make_file(const std::vector<Given>& given) {
    kvm_stats_header header{};
    header.name_size = kNameSize;
    header.num_desc = static_cast<std::uint32_t>(given.size());
    header.id_offset = sizeof header;
    header.desc_offset = header.id_offset + kNameSize;
    header.data_offset =
        header.desc_offset + header.num_desc * static_cast<std::uint32_t>(sizeof(kvm_stats_desc) + kNameSize);
    std::vector<std::byte> file;
    append(file, header);
    append_name(file, "kvm-77/vcpu-0");
    std::uint32_t offset = 0;
    for (const Given& statistic : given) {
        append(file, statistic.flags);
        append(file, statistic.exponent);
        append(file, static_cast<std::uint16_t>(statistic.values.size()));
        append(file, offset);
        append(file, statistic.bucket_size);
        append_name(file, statistic.name);
        offset += static_cast<std::uint32_t>(8 * statistic.values.size());
    }
    for (const Given& statistic : given)
        for (const std::uint64_t value : statistic.values)
            append(file, value);
    return file;
}

std::vector<std::byte> example() {
    return make_file(
        {{"exits", KVM_STATS_TYPE_CUMULATIVE, 0, 0, {1234}},
         {"nmi_injections", KVM_STATS_TYPE_CUMULATIVE, 0, 0, {0}},
         {"guest_mode", KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_BOOLEAN, 0, 0, {1}},
         {"halt_poll_success_ns", KVM_STATS_UNIT_SECONDS, -9, 0, {45600}},
         {"mmu_bytes", KVM_STATS_UNIT_BYTES | KVM_STATS_BASE_POW2, 10, 0, {3}},
         {"halt_wait_hist", KVM_STATS_TYPE_LOG_HIST | KVM_STATS_UNIT_SECONDS, -9, 0, {1, 0, 0, 7}},
         {"linear", KVM_STATS_TYPE_LINEAR_HIST, 0, 100, {0, 5}}});
}

TEST(KvmStatistics, DescriptorsSayEverything) {
    const auto parsed = parse_kvm_statistics(example());
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(parsed->id, "kvm-77/vcpu-0");
    ASSERT_EQ(parsed->statistics.size(), 7U);
    EXPECT_EQ(parsed->statistics[0].name, "exits");
    EXPECT_THAT(parsed->statistics[0].values, ElementsAre(1234));
    EXPECT_EQ(parsed->statistics[2].unit, StatisticUnit::Boolean);
    EXPECT_EQ(parsed->statistics[3].exponent, -9);
    EXPECT_EQ(parsed->statistics[4].exponent_base, 2);
    EXPECT_EQ(parsed->statistics[5].type, StatisticType::LogHistogram);
    EXPECT_EQ(parsed->statistics[6].bucket_size, 100U);
}

TEST(KvmStatistics, Table) {
    EXPECT_EQ(to_text(statistics_table(*parse_kvm_statistics(example()))),
              "kvm-77/vcpu-0: KVM's own statistics (KVM_GET_STATS_FD)\n"
              "name                  kind       value\n"
              "exits                 total      1234\n"
              "guest_mode            now        yes\n"
              "halt_poll_success_ns  total      45.6 us\n"
              "mmu_bytes             total      3072 bytes\n"
              "halt_wait_hist        histogram  from 0 ns: 1, from 4 ns: 7\n"
              "linear                histogram  from 100: 5\n"
              "1 more are zero\n");
}

TEST(KvmStatistics, UnknownKindsAreShownAsTheyAre) {
    const auto parsed = parse_kvm_statistics(make_file({{"new", 0xffff, 0, 0, {7}}}));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->statistics[0].type, StatisticType::Unknown);
    EXPECT_EQ(parsed->statistics[0].unit, StatisticUnit::Unknown);
    EXPECT_THAT(to_text(statistics_table(*parsed)), HasSubstr("new   unknown kind  7"));
}

TEST(KvmStatistics, EveryTruncationIsAnError) {
    const std::vector<std::byte> whole = example();
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(parse_kvm_statistics(std::span(whole).first(size))) << size;
}

TEST(KvmStatistics, OffsetsThatOverflowAreErrors) {
    for (std::size_t field = 0; field < sizeof(kvm_stats_header); field += 4) {
        if (field == offsetof(kvm_stats_header, flags))
            continue;
        std::vector<std::byte> file = example();
        std::memset(&file[field], 0xff, 4);
        EXPECT_FALSE(parse_kvm_statistics(file)) << field;
    }
}

TEST(KvmStatistics, OtherFilesAreErrors) {
    EXPECT_THAT(read_kvm_statistics(-1).error().message(), HasSubstr("Bad file descriptor"));
    const Fd zeros(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    EXPECT_THAT(read_kvm_statistics(zeros.get()).error().message(), HasSubstr("does not end"));
}

// On a host with KVM: the kernel's own file.
TEST(KvmStatistics, ThisHost) {
    const auto system = kvm::System::open();
    if (!system)
        GTEST_SKIP() << system.error().message();
    if (system->check(KVM_CAP_BINARY_STATS_FD) == 0)
        GTEST_SKIP() << "no KVM_CAP_BINARY_STATS_FD";
    const auto vm = system->create_vm();
    ASSERT_TRUE(vm) << vm.error().message();
    const auto fd = vm->statistics();
    ASSERT_TRUE(fd) << fd.error().message();
    const auto statistics = read_kvm_statistics(fd->get());
    ASSERT_TRUE(statistics) << statistics.error().message();
    EXPECT_THAT(statistics->id, HasSubstr("kvm-"));
    EXPECT_FALSE(statistics->statistics.empty());
}

}  // namespace
}  // namespace ringside::exits
