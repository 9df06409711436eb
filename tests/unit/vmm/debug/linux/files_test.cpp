#include "vmm/debug/linux/kernel/files.h"

#include "tests/unit/vmm/debug/linux/linux_test.h"

namespace ringside::debug {
namespace {

constexpr std::uint64_t kBase = FakeMemory::kBase, kTask = kBase + 0x100, kFiles = kBase + 0x200;
constexpr std::uint64_t kTable = kBase + 0x300, kDescriptors = kBase + 0x400;

std::vector<std::byte> types() {
    BtfBuilder btf;
    const auto word = btf.integer(4), wide = btf.integer(8);
    btf.structure("task_struct", 16, {{"files", wide, 8}});
    btf.structure("files_struct", 16, {{"fdt", wide, 8}});
    btf.structure("fdtable", 16, {{"max_fds", word, 0}, {"fd", wide, 8}});
    const auto path = btf.structure("path", 16, {{"mnt", wide, 0}, {"dentry", wide, 8}});
    btf.structure("file", 32, {{"f_path", path, 0}, {"f_flags", word, 16}, {"f_pos", wide, 24}});
    const auto name = btf.structure("qstr", 16, {{"name", wide, 8}});
    const auto hash = btf.structure("hlist_bl_node", 16, {{"pprev", wide, 8}});
    btf.structure("dentry", 72,
                  {{"d_hash", hash, 0},
                   {"d_parent", wide, 16},
                   {"d_name", name, 24},
                   {"d_inode", wide, 40},
                   {"d_sb", wide, 48}});
    btf.structure("inode", 8, {{"i_ino", wide, 0}});
    btf.structure("super_block", 8, {{"s_type", wide, 0}});
    btf.structure("file_system_type", 8, {{"name", wide, 0}});
    const auto mount = btf.structure("vfsmount", 8, {{"mnt_root", wide, 0}});
    btf.structure("mount", 32, {{"mnt_parent", wide, 0}, {"mnt_mountpoint", wide, 8}, {"mnt", mount, 16}});
    return btf.bytes();
}

class FilesTest : public ::testing::Test {
  protected:
    FilesTest() : symbols(memory) {
        symbols.add("T_stext", kBase);
        memory.poke(kTask + 8, kFiles);
        memory.poke(kFiles + 8, kTable);
        memory.poke(kTable, 4U);
        memory.poke(kTable + 8, kDescriptors);
        // The root's file system, and another on its /dev.
        root = dentry("/", 0, "rootfs");
        memory.poke(root + 16, root);
        const std::uint64_t dev = dentry("dev", root, "rootfs");
        root_mount = mount(0, 0, root);
        memory.poke(root_mount - 16, root_mount - 16);
        dev_root = dentry("/", 0, "devtmpfs");
        memory.poke(dev_root + 16, dev_root);
        dev_mount = mount(root_mount - 16, dev, dev_root);
    }
    std::uint64_t take(std::uint64_t size) { return std::exchange(free, free + size); }
    std::uint64_t text(std::string_view text) {
        const std::uint64_t at = take(text.size() + 1);
        memory.put(at, text);
        return at;
    }
    std::uint64_t dentry(std::string_view name, std::uint64_t parent, std::string_view system) {
        const std::uint64_t at = take(72), super = take(8), type = take(8), inode = take(8);
        memory.poke(at + 8, kBase);  // hashed
        memory.poke(at + 16, parent);
        memory.poke(at + 32, text(name));
        memory.poke(at + 40, inode);
        memory.poke(at + 48, super);
        memory.poke(super, type);
        memory.poke(type, text(system));
        memory.poke(inode, std::uint64_t{4711});
        return at;
    }
    std::uint64_t mount(std::uint64_t parent, std::uint64_t mountpoint, std::uint64_t its_root) {
        const std::uint64_t at = take(32);
        memory.poke(at, parent);
        memory.poke(at + 8, mountpoint);
        memory.poke(at + 16, its_root);
        return at + 16;
    }
    void open(std::uint64_t descriptor, std::uint64_t entry, std::uint64_t mount, std::uint32_t flags = 2) {
        const std::uint64_t at = take(32);
        memory.poke(at, mount);
        memory.poke(at + 8, entry);
        memory.poke(at + 16, flags);
        memory.poke(at + 24, std::uint64_t{42});
        memory.poke(kDescriptors + 8 * descriptor, at);
    }
    LinuxFiles read() {
        LinuxTask task;
        task.address = kTask;
        return read_files(testing::fake_kernel(memory, types()), task).value();
    }
    std::vector<std::string> names() {
        std::vector<std::string> list;
        for (const LinuxFile& file : read().files)
            list.push_back(std::to_string(file.descriptor) + " " + file.name);
        return list;
    }

    FakeMemory memory;
    KallsymsBuilder symbols;
    std::uint64_t free = kBase + 0x1000, root = 0, root_mount = 0, dev_root = 0, dev_mount = 0;
};

TEST_F(FilesTest, HaveTheirPathsAcrossMounts) {
    open(0, dentry("console", dev_root, "devtmpfs"), dev_mount);
    open(1, dentry("a\n", dentry("etc", root, "rootfs"), "rootfs"), root_mount);
    open(3, root, root_mount);
    EXPECT_THAT(names(), ElementsAre("0 /dev/console", "1 /etc/a\\x0a", "3 /"));
    EXPECT_EQ(read().files[0].flags, 2U);
    EXPECT_EQ(read().files[0].position, 42U);
    EXPECT_EQ(read().incomplete, "");
}

TEST_F(FilesTest, WithoutAPathHaveTheNamesOfProc) {
    open(0, dentry("", 0, "pipefs"), root_mount);
    open(1, dentry("TCP", 0, "sockfs"), root_mount);
    open(2, dentry("[eventfd]", 0, "anon_inodefs"), root_mount);
    const std::uint64_t gone = dentry("gone", root, "rootfs");
    memory.poke(gone + 8, std::uint64_t{0});
    open(3, gone, root_mount);
    EXPECT_THAT(names(), ElementsAre("0 pipe:[4711]", "1 socket:[4711]", "2 anon_inode:[eventfd]",
                                     "3 /gone (deleted)"));
}

TEST_F(FilesTest, APathThatNeverEndsIsCut) {
    const std::uint64_t one = dentry("x", 0, "rootfs"), other = dentry("x", one, "rootfs");
    memory.poke(one + 16, other);
    open(0, one, root_mount);
    EXPECT_THAT(names(), ElementsAre(HasSubstr(".../x/x/")));
    // A mount on itself.
    memory.poke(dev_mount - 16, dev_mount - 16 + 8);
    memory.poke(dev_mount - 16, dev_mount - 16);
    open(0, dev_root, dev_mount);
    EXPECT_THAT(names(), ElementsAre("0 /"));
}

TEST_F(FilesTest, WhatCannotBeReadIsSaid) {
    open(0, 0x1000, root_mount);
    EXPECT_THAT(read().incomplete, HasSubstr("Descriptor 0 cannot be read"));
    memory.poke(kTable, 0xffffffffU);
    memory.poke(kTable + 8, kBase + memory.bytes.size() - 16);
    EXPECT_THAT(read().incomplete, HasSubstr("Descriptors from 2 on"));
    memory.poke(kTask + 8, std::uint64_t{0});
    EXPECT_THAT(names(), ElementsAre());
}

}  // namespace
}  // namespace ringside::debug
