#include "vmm/debug/nested/seen_controls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "arch/x86_64/vmcb.h"

namespace ringside::debug {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(SeenControls, CountsTheStopsOfEachAndKeepsABound) {
    SeenControls seen;
    seen.note(VcpuIndex{0}, Gpa{0x5000});
    seen.note(VcpuIndex{1}, Gpa{0x5000});
    EXPECT_EQ(seen.by_address().at(0x5000).stops, 2U);
    EXPECT_EQ(seen.by_address().at(0x5000).vcpu, VcpuIndex{1});
    for (std::uint64_t i = 0; i < 2 * SeenControls::kMost; ++i)
        seen.note(VcpuIndex{0}, Gpa{0x100000 + i * 0x1000});
    EXPECT_TRUE(seen.full());
    seen.note(VcpuIndex{0}, Gpa{0x5000});
    EXPECT_EQ(seen.by_address().at(0x5000).stops, 3U);
    seen.forget();
    EXPECT_TRUE(seen.by_address().empty());
}

TEST(SeenControls, SayWhatEachVmcsIsAndWhatIsNotKnown) {
    std::vector<ListedControl> list{{Gpa{0x5000}, {VcpuIndex{0}, 3}, true, true, {}},
                                    {Gpa{0x6000}, {VcpuIndex{0}, 1}, false, false, {}}};
    list[0].image.resize(x86::kVmcs12Size);
    std::memcpy(list[0].image.data(), &x86::kVmcs12Revision, sizeof x86::kVmcs12Revision);
    x86::write_vmcs12(list[0].image, x86::VmcsField::GuestRip, 0x1234);
    x86::write_vmcs12(list[0].image, x86::VmcsField::ExitReason, 10);
    const auto text = vmcs_list_answer(list, false).text();
    EXPECT_THAT(text, ContainsRegex("0x5000 +0 +3 +L2 runs +clear +0x0 +0x1234 +CPUID"));
    EXPECT_THAT(text, ContainsRegex("0x6000 +0 +1 +was in use +not known"));
    EXPECT_THAT(text, Not(HasSubstr("left out")));
    EXPECT_THAT(vmcs_list_answer(list, true).text(), HasSubstr("left out"));
}

TEST(SeenControls, ReadAVmcbFromMemory) {
    std::vector<ListedControl> list{{Gpa{0x5000}, {VcpuIndex{0}, 1}, false, false, {}},
                                    {Gpa{0x6000}, {VcpuIndex{0}, 1}, false, false, {}}};
    list[0].image.resize(x86::kVmcbSize);
    x86::write_vmcb(list[0].image, x86::match_vmcb_fields("RIP").front(), 0x1234);
    x86::write_vmcb(list[0].image, x86::match_vmcb_fields("EXIT_CODE").front(), 0x72);
    const auto text = vmcb_list_answer(list, false).text();
    EXPECT_THAT(text, ContainsRegex("0x5000 +0 +1 +was in use +0x0 +0x0 +0x1234 +CPUID"));
    EXPECT_THAT(text, ContainsRegex("0x6000 +0 +1 +was in use +not known"));
}

}  // namespace
}  // namespace ringside::debug
