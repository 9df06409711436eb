#include "vmm/cli/description.h"

#include <algorithm>
#include <array>

#include <CLI/CLI.hpp>

namespace ringside::cli {

namespace {

// Placeholders for which the shell offers files. "FILE.html" is one, too.
constexpr std::array<std::string_view, 4> kFiles = {"FILE", "PATH", "DEVICE", "SOCKET"};

bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

ValueForm value_form(std::string_view text) {
    const std::size_t literal =
        static_cast<std::size_t>(std::find_if(text.begin(), text.end(), is_upper) - text.begin());
    const std::string_view placeholder = text.substr(literal);
    const bool file = std::any_of(kFiles.begin(), kFiles.end(),
                                  [&](std::string_view name) { return placeholder.starts_with(name); });
    return {std::string(text.substr(0, literal)), file};
}

OptionDescription describe_option(const CLI::Option& option) {
    OptionDescription description;
    description.positional = !option.nonpositional();
    if (description.positional)
        description.names.push_back(option.get_name(true));
    for (const std::string& name : option.get_snames())
        description.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames())
        description.names.push_back("--" + name);
    const bool flag = option.get_items_expected_max() == 0;
    description.metavar = flag ? "" : option.get_type_name();
    description.help = option.get_description();
    description.default_value = flag ? "" : option.get_default_str();
    description.value_optional = option.get_items_expected_min() == 0;
    return description;
}

}  // namespace

CommandDescription describe(const CLI::App& app) {
    CommandDescription description{app.get_name(), app.get_description(), {}};
    for (const CLI::Option* option : app.get_options())
        description.options.push_back(describe_option(*option));
    return description;
}

std::vector<ValueForm> value_forms(const std::string& metavar) {
    std::vector<ValueForm> forms;
    for (const std::string& form : CLI::detail::split(metavar, '|')) {
        ValueForm parsed = value_form(form.substr(0, form.find('[')));
        if (!parsed.word.empty() || parsed.file)
            forms.push_back(std::move(parsed));
    }
    return forms;
}

}  // namespace ringside::cli
