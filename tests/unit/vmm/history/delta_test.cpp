#include "vmm/history/delta.h"

#include <gtest/gtest.h>

#include <random>

namespace ringside::history {
namespace {

using Bytes = std::vector<std::byte>;

Bytes random_bytes(std::mt19937& random, std::size_t size) {
    Bytes bytes(size);
    for (std::byte& byte : bytes)
        byte = static_cast<std::byte>(random());
    return bytes;
}

// Changes some bytes, often neighbours.
Bytes changed(std::mt19937& random, Bytes bytes) {
    for (unsigned i = 0; i < random() % 20; ++i) {
        const std::size_t start = random() % bytes.size();
        for (std::size_t at = start; at < std::min(bytes.size(), start + random() % 40); ++at)
            bytes[at] = static_cast<std::byte>(random());
    }
    return bytes;
}

void apply_memory(const Delta& delta, Bytes& memory, Gpa base) {
    delta.for_each_run([&](Gpa gpa, std::span<const std::byte> bits) {
        for (std::size_t i = 0; i < bits.size(); ++i)
            memory[gpa - base + i] ^= bits[i];
    });
}

TEST(Delta, LeadsBothWays) {
    std::mt19937 random(1);
    constexpr Gpa kBase{0x7000};
    DeltaWriter writer;
    for (int round = 0; round < 500; ++round) {
        const Bytes words = random_bytes(random, 800), memory = random_bytes(random, 4096);
        const Bytes new_words = changed(random, words), new_memory = changed(random, memory);
        Bytes words_now = words, memory_now = memory;
        writer.begin({});
        writer.words(words_now, new_words, 0, new_words.size());
        writer.memory(kBase, memory_now, new_memory);
        EXPECT_EQ(words_now, new_words);
        EXPECT_EQ(memory_now, new_memory);
        const auto record = writer.finish();
        const Delta delta(record);
        delta.apply_words(words_now);
        apply_memory(delta, memory_now, kBase);
        EXPECT_EQ(words_now, words);
        EXPECT_EQ(memory_now, memory);
        delta.apply_words(words_now);
        apply_memory(delta, memory_now, kBase);
        ASSERT_EQ(words_now, new_words);
        ASSERT_EQ(memory_now, new_memory);
    }
}

TEST(Delta, NoChangeIsEmpty) {
    Bytes bytes(64);
    DeltaWriter writer;
    writer.begin({});
    writer.words(bytes, Bytes(64), 0, 64);
    writer.memory(Gpa{0}, bytes, Bytes(64));
    EXPECT_TRUE(writer.empty());
}

TEST(Delta, ARunHoldsTheChangedBytesAlone) {
    Bytes before(4096), after(4096);
    after[100] = std::byte{1};
    after[103] = std::byte{2};
    DeltaWriter writer;
    writer.begin({});
    writer.memory(Gpa{0x1000}, before, after);
    const auto record = writer.finish();
    int runs = 0;
    Delta(record).for_each_run([&](Gpa gpa, std::span<const std::byte> bits) {
        ++runs;
        EXPECT_EQ(gpa, Gpa{0x1000 + 100});
        EXPECT_EQ(bits.size(), 4U);
    });
    EXPECT_EQ(runs, 1);
}

TEST(Delta, NamesTheWordsThatItChanges) {
    Bytes before(64), after(64);
    after[17] = std::byte{1};
    DeltaWriter writer;
    writer.begin(VcpuIndex{3});
    writer.words(before, after, 0, 64);
    const auto record = writer.finish();
    const Delta delta(record);
    EXPECT_TRUE(delta.changes_word(2));
    EXPECT_FALSE(delta.changes_word(1));
    EXPECT_EQ(delta.vcpu(), VcpuIndex{3});
}

TEST(Delta, WordsOutsideOfThePartAreLeftAlone) {
    Bytes before(64), after(64);
    after[8] = after[40] = std::byte{1};
    DeltaWriter writer;
    writer.begin({});
    writer.words(before, after, 32, 16);
    const auto record = writer.finish();
    EXPECT_FALSE(Delta(record).changes_word(1));
    EXPECT_TRUE(Delta(record).changes_word(5));
    EXPECT_EQ(before[8], std::byte{0});
    EXPECT_EQ(before[40], std::byte{1});
}

}  // namespace
}  // namespace ringside::history
