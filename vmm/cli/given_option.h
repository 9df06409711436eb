// An option of the command line, without the library that parses it: its headers take seconds to compile.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringside::cli {

// What the value of an option refers to.
enum class Refers {
    Nothing,       // nothing but the value itself
    FileRead,      // a file that is read
    FileWritten,   // a file that is created or replaced
    Disk,          // FILE, FILE,ro or FILE,overlay: a file that is read, and written in place
    Console,       // a place for a console, see parse_console_endpoint()
    Debugger,      // a place where a debugger connects, see gdbstub::parse_endpoint()
    HostResource,  // something that exists only on this host: its device, its network, its sockets
    Gdb,           // gdb's own arguments
    Host           // where the machine is
};
std::string to_string(Refers refers);

// An option as it was given.
struct GivenOption {
    std::string name;  // "--disk", "-s"; without dashes for a positional argument
    Refers refers = Refers::Nothing;
    bool flag = false;
    std::vector<std::string> values;
};

}  // namespace ringside::cli
