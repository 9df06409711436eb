// What the tests of a Linux kernel's tables have in common.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vmm/debug/linux/fake_kernel.h"

namespace ringside::debug {

using ::testing::AllOf;
using testing::BtfBuilder;
using ::testing::ElementsAre;
using testing::FakeMemory;
using ::testing::HasSubstr;
using testing::KallsymsBuilder;

}  // namespace ringside::debug
