// What the tests of virtio devices use: the fake driver and its words.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vmm/devices/virtio/fake_driver.h"
#include "tests/unit/vmm/devices/virtio/temporary.h"

namespace ringside::devices::virtio {

using testing::bytes;
using testing::bytes_of;
using testing::FakeDriver;
using ::testing::HasSubstr;
using testing::out;
using testing::room;

}  // namespace ringside::devices::virtio
