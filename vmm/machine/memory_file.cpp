#include "vmm/machine/memory_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "vmm/machine/layout.h"

namespace ringside::machine {

namespace {

std::string advice_for(int code, int fd) {
    struct statvfs status {};
    if (code == EOPNOTSUPP)
        return "Its file system cannot reserve space: choose another, such as /dev/shm";
    if (code == EFBIG)
        return "Files may not be that large there: see `ulimit -f`";
    if (code == ENOSPC && ::fstatvfs(fd, &status) == 0)
        return fmt::format("Its file system has {} MiB free: give a smaller -m, or another place",
                           status.f_bavail * status.f_frsize / layout::kMiB);
    return "Choose another place";
}

}  // namespace

Result<MemoryFile> MemoryFile::create(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
        return failure("create " + path, "what is there is not a regular file", "Choose another name");
    std::string temporary = path + ".XXXXXX";
    Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd)
        return errno_failure("create " + path, errno);
    return MemoryFile(path, std::move(temporary), std::move(fd));
}

MemoryFile::MemoryFile(MemoryFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)) {}

MemoryFile::~MemoryFile() {
    if (!temporary_.empty())
        (void)::unlink(temporary_.c_str());
}

Result<MemoryRegion> MemoryFile::region(Gpa start, std::uint64_t size) const {
    while (::fallocate(fd_.get(), 0, static_cast<off_t>(start.value), static_cast<off_t>(size)) != 0) {
        if (const int code = errno; code != EINTR)
            return errno_failure(fmt::format("reserve {} MiB for {}", size / layout::kMiB, path_), code,
                                 advice_for(code, fd_.get()));
    }
    return MemoryRegion::share_file(start, fd_, size);
}

Result<void> MemoryFile::put_in_place() {
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
        return errno_failure("create " + path_, errno);
    temporary_.clear();
    return {};
}

}  // namespace ringside::machine
