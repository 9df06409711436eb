#include "vmm/debug/linux/kernel/files.h"

#include <algorithm>

#include <fmt/format.h>

namespace ringside::debug {

namespace {

constexpr std::uint64_t kMostDescriptors = 1 << 20;
constexpr std::size_t kMostFiles = 20'000;
constexpr std::size_t kLongestFileName = 255;
constexpr int kDeepestPath = 256;           // of a path, in names and mounts
constexpr std::size_t kLongestPath = 4096;  // of a path that is shown in full

struct FileLayout {
    Field table, descriptors, limit;           // files_struct.fdt, fdtable.fd and .max_fds
    Field flags, position, mount, entry;       // struct file
    Field parent, name, inode, super, hashed;  // struct dentry
    Field number, type, type_name;             // inode.i_ino, super_block.s_type, file_system_type.name
    Field root;                                // vfsmount.mnt_root
    Field outer, outer_parent, outer_entry;    // struct mount: .mnt, .mnt_parent, .mnt_mountpoint
};

Result<FileLayout> file_layout(const LinuxKernel& kernel) {
    struct Wanted {
        Field FileLayout::*place;
        std::string_view structure, path;
    };
    constexpr Wanted kWanted[] = {
        {&FileLayout::table, "files_struct", "fdt"},
        {&FileLayout::descriptors, "fdtable", "fd"},
        {&FileLayout::limit, "fdtable", "max_fds"},
        {&FileLayout::flags, "file", "f_flags"},
        {&FileLayout::position, "file", "f_pos"},
        {&FileLayout::mount, "file", "f_path.mnt"},
        {&FileLayout::entry, "file", "f_path.dentry"},
        {&FileLayout::parent, "dentry", "d_parent"},
        {&FileLayout::name, "dentry", "d_name.name"},
        {&FileLayout::inode, "dentry", "d_inode"},
        {&FileLayout::super, "dentry", "d_sb"},
        {&FileLayout::hashed, "dentry", "d_hash.pprev"},
        {&FileLayout::number, "inode", "i_ino"},
        {&FileLayout::type, "super_block", "s_type"},
        {&FileLayout::type_name, "file_system_type", "name"},
        {&FileLayout::root, "vfsmount", "mnt_root"},
        {&FileLayout::outer, "mount", "mnt"},
        {&FileLayout::outer_parent, "mount", "mnt_parent"},
        {&FileLayout::outer_entry, "mount", "mnt_mountpoint"},
    };
    FileLayout layout;
    for (const Wanted& wanted : kWanted)
        layout.*wanted.place = TRY(kernel.field(wanted.structure, wanted.path));
    return layout;
}

Result<std::string> text_at(const LinuxKernel& kernel, std::uint64_t structure, const Field& field) {
    const std::uint64_t address = TRY(kernel.number(structure, field));
    auto text = kernel.memory().text(address, kLongestFileName);
    if (!text)
        return failure(fmt::format("read a name at 0x{:x}", address),
                       "the kernel's memory cannot be read there");
    return printable(*text);
}

// From the entry up to the root of its mount, on from where that is mounted, and so on.
Result<std::string> path(const LinuxKernel& kernel, const FileLayout& layout, std::uint64_t entry,
                         std::uint64_t mount) {
    std::string path;
    for (int depth = 0; depth < kDeepestPath && path.size() < kLongestPath; ++depth) {
        const std::uint64_t root = TRY(kernel.number(mount, layout.root));
        const std::uint64_t parent = TRY(kernel.number(entry, layout.parent));
        if (entry == root) {
            const std::uint64_t outer = mount - layout.outer.offset;
            const std::uint64_t above = TRY(kernel.number(outer, layout.outer_parent));
            if (above == outer)
                return path.empty() ? "/" : path;
            entry = TRY(kernel.number(outer, layout.outer_entry));
            mount = above + layout.outer.offset;
            continue;
        }
        const std::string name = TRY(text_at(kernel, entry, layout.name));
        if (entry == parent)  // what was never in a directory, or a mount that no longer exists
            return path.empty() ? "/" + name : path;
        path.insert(0, "/" + name);
        entry = parent;
    }
    return "..." + path;
}

// As d_path() has it. A pipe's and a socket's name is made of its inode's number.
Result<std::string> file_name(const LinuxKernel& kernel, const FileLayout& layout, std::uint64_t file) {
    const std::uint64_t entry = TRY(kernel.number(file, layout.entry));
    const std::uint64_t mount = TRY(kernel.number(file, layout.mount));
    const std::uint64_t super = TRY(kernel.number(entry, layout.super));
    const std::uint64_t type = TRY(kernel.number(super, layout.type));
    const std::string system = TRY(text_at(kernel, type, layout.type_name));
    if (system == "pipefs" || system == "sockfs") {
        const std::uint64_t inode = TRY(kernel.number(entry, layout.inode));
        const std::uint64_t number = TRY(kernel.number(inode, layout.number));
        return fmt::format("{}:[{}]", system == "pipefs" ? "pipe" : "socket", number);
    }
    if (system == "anon_inodefs") {
        const std::string name = TRY(text_at(kernel, entry, layout.name));
        return "anon_inode:" + name;
    }
    const std::uint64_t root = TRY(kernel.number(mount, layout.root));
    const bool deleted = entry != root && TRY(kernel.number(entry, layout.hashed)) == 0;
    const std::string whole = TRY(path(kernel, layout, entry, mount));
    return whole + (deleted ? " (deleted)" : "");
}

Result<LinuxFile> read_file(const LinuxKernel& kernel, const FileLayout& layout, std::uint64_t descriptor,
                            std::uint64_t structure) {
    LinuxFile file{descriptor, structure, 0, 0, {}};
    file.flags = TRY(kernel.number(structure, layout.flags));
    file.position = TRY(kernel.number(structure, layout.position));
    file.name = TRY(file_name(kernel, layout, structure));
    return file;
}

}  // namespace

Result<LinuxFiles> read_files(const LinuxKernel& kernel, const LinuxTask& task) {
    const FileLayout layout = TRY(file_layout(kernel));
    const Field own = TRY(kernel.field("task_struct", "files"));
    const std::uint64_t files = TRY(kernel.number(task.address, own));
    if (files == 0)
        return LinuxFiles{};  // it has ended
    const std::uint64_t table = TRY(kernel.number(files, layout.table));
    const std::uint64_t limit = TRY(kernel.number(table, layout.limit));
    const std::uint64_t descriptors = TRY(kernel.number(table, layout.descriptors));
    LinuxFiles found;
    std::size_t open = 0;
    for (std::uint64_t i = 0; i < std::min(limit, kMostDescriptors); ++i) {
        const auto structure = kernel.memory().pointer(descriptors + 8 * i);
        if (!structure || open == kMostFiles) {
            found.incomplete = fmt::format("Descriptors from {} on are not shown.", i);
            break;
        }
        if (*structure == 0)
            continue;
        ++open;
        auto file = read_file(kernel, layout, i, *structure);
        if (file)
            found.files.push_back(*std::move(file));
        else
            found.incomplete = fmt::format("Descriptor {} cannot be read: {}.", i, file.error().message());
    }
    return found;
}

}  // namespace ringside::debug
