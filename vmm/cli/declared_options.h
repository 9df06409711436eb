// The options of one command, each with a declaration of what its value refers to. If the machine is elsewhere
// (vmm/cli/lab_host.h), the declarations say which files to copy there and which to copy back.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "vmm/cli/given_option.h"

namespace ringside::cli {

// CLI11's options may be added only through this class, so that none lacks a declaration.
class DeclaredOptions {
  public:
    explicit DeclaredOptions(CLI::App& app) : app_(app) {}

    template <typename T>
    CLI::Option* add(const std::string& names, T& value, Refers refers, const std::string& help) {
        return declare(app_.add_option(names, value, help), refers);
    }
    // An option whose text is passed to `take`.
    CLI::Option* add_text(const std::string& names, const std::function<void(const std::string&)>& take,
                          Refers refers, const std::string& help) {
        return declare(app_.add_option_function<std::string>(names, take, help), refers);
    }
    CLI::Option* add_flag(const std::string& names, bool& value, const std::string& help,
                          Refers refers = Refers::Nothing) {
        return declare(app_.add_flag(names, value, help), refers);
    }

    const CLI::App& app() const { return app_; }
    const std::map<const CLI::Option*, Refers>& declarations() const { return declarations_; }

  private:
    CLI::Option* declare(CLI::Option* option, Refers refers) {
        declarations_.emplace(option, refers);
        return option;
    }

    CLI::App& app_;
    std::map<const CLI::Option*, Refers> declarations_;
};

// The options given on the parsed command line, in the order of their declaration.
std::vector<GivenOption> given_options(const DeclaredOptions& options);

}  // namespace ringside::cli
