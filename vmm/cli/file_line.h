// Sends files over a line to a program outside this machine: from the lab's machine to where the user is.
#pragma once

#include <filesystem>
#include <string>

#include "vmm/base/error.h"
#include "vmm/base/fd.h"

namespace ringside::cli {

// A frame is a header, records of what is not zero, and a last line; the other end answers it with a line
// (tests/lab/ringlab/file_line.py):
//
//     file NAME-LENGTH SIZE MODE\n NAME     SIZE: bytes; MODE: its permissions, in octal
//     data OFFSET LENGTH\n BYTES            any number of times
//     end\n or cancel\n                     cancel: the file could not be read to its end, and is not written
//
//     done\n or TEXT\n                      TEXT: why it could not be written
class FileLine {
  public:
    explicit FileLine(Fd line) : line_(std::move(line)) {}
    // `device` is a terminal that changes no byte, a virtio port or a socket.
    static Result<FileLine> open(const std::string& device);

    // Writes what is in the file `from` to a file `to` at the other end. Returns when it is there.
    Result<void> send(const std::filesystem::path& from, const std::filesystem::path& to);

  private:
    Result<void> put(const void* bytes, std::size_t size);
    Result<void> put_contents(int file, std::uint64_t size);
    Result<std::string> answer();

    Fd line_;
};

}  // namespace ringside::cli
