#include "vmm/cli/declared_options.h"

namespace ringside::cli {

namespace {

std::string name_of(const CLI::Option& option) {
    if (!option.get_lnames().empty())
        return "--" + option.get_lnames().front();
    if (!option.get_snames().empty())
        return "-" + option.get_snames().front();
    return option.get_name(true);
}

}  // namespace

std::string to_string(Refers refers) {
    switch (refers) {
        case Refers::Nothing:
            return "nothing";
        case Refers::FileRead:
            return "file-read";
        case Refers::FileWritten:
            return "file-written";
        case Refers::Disk:
            return "disk";
        case Refers::Console:
            return "console";
        case Refers::Debugger:
            return "debugger";
        case Refers::HostResource:
            return "host-resource";
        case Refers::Gdb:
            return "gdb";
        case Refers::Host:
            return "host";
    }
    return {};
}

std::vector<GivenOption> given_options(const DeclaredOptions& options) {
    std::vector<GivenOption> given;
    for (const CLI::Option* option : options.app().get_options()) {
        const auto declared = options.declarations().find(option);
        if (declared == options.declarations().end() || option->count() == 0)
            continue;
        const bool flag = option->get_expected_max() == 0;
        given.push_back({name_of(*option), declared->second, flag,
                         flag ? std::vector<std::string>{} : option->results()});
    }
    return given;
}

}  // namespace ringside::cli
