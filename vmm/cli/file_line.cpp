#include "vmm/cli/file_line.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fmt/format.h>

namespace ringside::cli {

namespace {

constexpr std::size_t kRecord = 4096;  // what is all zero is left out in such pieces
constexpr std::size_t kLongestAnswer = 4096;

std::string writing(const std::filesystem::path& path) {
    return "write " + path.string();
}

bool is_zero(const std::vector<char>& bytes, std::size_t size) {
    return std::all_of(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size),
                       [](char byte) { return byte == 0; });
}

}  // namespace

Result<FileLine> FileLine::open(const std::string& device) {
    Fd line(::open(device.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!line)
        return errno_failure("open " + device, errno);
    return FileLine(std::move(line));
}

Result<void> FileLine::send(const std::filesystem::path& from, const std::filesystem::path& to) {
    const Fd file(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0)
        return errno_failure(writing(to), errno);
    const std::string name = to.string();
    const auto size = static_cast<std::uint64_t>(status.st_size);
    const std::string header =
        fmt::format("file {} {} {:o}\n{}", name.size(), size, status.st_mode & 0777U, name);
    TRY(put(header.data(), header.size()));
    auto sent = put_contents(file.get(), size);
    const std::string last = sent ? "end\n" : "cancel\n";
    TRY(put(last.data(), last.size()));
    const std::string said = TRY(answer());
    if (!sent)
        return sent;
    if (said != "done")
        return failure(writing(to), said);
    return {};
}

Result<void> FileLine::put(const void* bytes, std::size_t size) {
    for (std::size_t done = 0; done < size;) {
        const ssize_t count = ::write(line_.get(), static_cast<const char*>(bytes) + done, size - done);
        if (count < 0 && errno != EINTR)
            return errno_failure("send a file out of the lab", errno);
        done += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
    }
    return {};
}

Result<void> FileLine::put_contents(int file, std::uint64_t size) {
    std::vector<char> bytes(kRecord);
    for (std::uint64_t offset = 0; offset < size;) {
        const auto wanted = std::min<std::uint64_t>(kRecord, size - offset);
        const ssize_t count = ::pread(file, bytes.data(), wanted, static_cast<off_t>(offset));
        if (count <= 0)
            return errno_failure("read a file", count == 0 ? EIO : errno);
        const auto length = static_cast<std::size_t>(count);
        if (!is_zero(bytes, length)) {
            const std::string header = fmt::format("data {} {}\n", offset, length);
            TRY(put(header.data(), header.size()));
            TRY(put(bytes.data(), length));
        }
        offset += length;
    }
    return {};
}

Result<std::string> FileLine::answer() {
    std::string said;
    for (char byte = 0; said.size() < kLongestAnswer;) {
        const ssize_t count = ::read(line_.get(), &byte, 1);
        if (count == 0 || (count < 0 && errno != EINTR))
            return errno_failure("send a file out of the lab", count == 0 ? EPIPE : errno);
        if (count > 0 && byte == '\n')
            return said;
        if (count > 0)
            said += byte;
    }
    return failure("send a file out of the lab", "the answer is too long");
}

}  // namespace ringside::cli
