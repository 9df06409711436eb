#include "vmm/cli/ide_files.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "gdbstub/xml.h"
#include "vmm/cli/vscode/extension.h"

namespace ringside::cli {

namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr const char* kTask = "start Ringside";
constexpr const char* kEndTask = "end Ringside";
constexpr const char* kExtension = ".vscode/extensions/ringside";

std::string address(const IdeProject& project) {
    return fmt::format("127.0.0.1:{}", project.port);
}

// The words that start the machine, without the program.
std::vector<std::string> run_words(const IdeProject& project, const std::string& endpoint) {
    std::vector<std::string> words{"run", "--wait", "--gdb=" + endpoint};
    words.insert(words.end(), project.run_arguments.begin(), project.run_arguments.end());
    words.push_back(project.kernel);
    return words;
}

// The same for a machine that serves one session after another. IDEs stop a session by detaching, by killing the guest, or by
// closing the connection: after each, the next session finds the guest at its start, with the kernel's file as it is then.
std::vector<std::string> serving_words(const IdeProject& project) {
    std::vector<std::string> words = run_words(project, "tcp:" + address(project));
    words.insert(words.begin() + 1, "--on-disconnect=restart");
    return words;
}

// A word for a POSIX shell.
std::string shell_quoted(const std::string& word) {
    constexpr const char* kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=:,./@%";
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos)
        return word;
    std::string quoted = "'";
    for (const char c : word)
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

std::string shell_command(const IdeProject& project, std::vector<std::string> words) {
    words.insert(words.begin(), project.program);
    std::ranges::transform(words, words.begin(), shell_quoted);
    return fmt::format("{}", fmt::join(words, " "));
}

OrderedJson vscode_tasks(const IdeProject& project) {
    // The task is ready when the stub listens; VS Code then attaches. Where there is no KVM, the lab says before that where the
    // machine runs. VS Code takes no matcher without a pattern for problems, with a file, a location and a message: this one
    // finds none, because VS Code would ask its user at each problem whether to debug anyway. A task that fails ends, and its
    // terminal shows why.
    constexpr const char* kNothing = "(?!)";
    const OrderedJson matcher{
        {"pattern", {{"regexp", kNothing}, {"file", 1}, {"location", 2}, {"message", 3}}},
        {"background",
         {{"activeOnStart", true}, {"beginsPattern", kNothing}, {"endsPattern", "gdb: listening on"}}}};
    const OrderedJson start{{"label", kTask},
                            {"type", "process"},
                            {"command", project.program.string()},
                            {"args", serving_words(project)},
                            {"isBackground", true},
                            {"problemMatcher", matcher}};
    // VS Code has no task that ends another one. It runs a command for the value of an input, and one of them does that.
    const OrderedJson end{{"label", kEndTask},
                          {"type", "shell"},
                          {"command", "echo ${input:end}"},
                          {"presentation", {{"reveal", "silent"}}},
                          {"problemMatcher", OrderedJson::array()}};
    const OrderedJson input{
        {"id", "end"}, {"type", "command"}, {"command", "workbench.action.tasks.terminate"}, {"args", kTask}};
    return {{"version", "2.0.0"},
            {"tasks", OrderedJson::array({start, end})},
            {"inputs", OrderedJson::array({input})}};
}

OrderedJson vscode_configuration(const IdeProject& project, const char* name, const char* type,
                                 const char* request) {
    return {{"name", name},
            {"type", type},
            {"request", request},
            {"preLaunchTask", kTask},
            {"postDebugTask", kEndTask},
            {"program", project.symbols.string()}};
}

OrderedJson vscode_launch(const IdeProject& project) {
    OrderedJson cpptools = vscode_configuration(project, "Ringside (C/C++ extension)", "cppdbg", "launch");
    cpptools.update({{"cwd", "${workspaceFolder}"},
                     {"MIMode", "gdb"},
                     {"miDebuggerServerAddress", address(project)},
                     {"stopAtConnect", true}});
    const OrderedJson target{
        {"type", "remote"}, {"host", "127.0.0.1"}, {"port", std::to_string(project.port)}};
    OrderedJson own = vscode_configuration(project, "Ringside (its own extension)", "ringside", "attach");
    own["target"] = target;
    OrderedJson cdt = vscode_configuration(project, "Ringside (CDT GDB adapter)", "gdbtarget", "attach");
    cdt["target"] = target;
    OrderedJson lldb = vscode_configuration(project, "Ringside (LLDB DAP)", "lldb-dap", "attach");
    // With attachCommands, the adapter may look for the process before its connection has one.
    lldb.update(
        {{"gdb-remote-hostname", "127.0.0.1"}, {"gdb-remote-port", project.port}, {"stopOnEntry", true}});
    return {{"version", "0.2.0"}, {"configurations", OrderedJson::array({cpptools, own, cdt, lldb})}};
}

std::string clion_configuration(const IdeProject& project) {
    return fmt::format(
        R"(<component name="ProjectRunConfigurationManager">
  <configuration default="false" name="Ringside" type="CLion_Remote" version="1" remoteCommand="{}" symbolFile="{}" sysroot="">
    <debugger kind="GDB" isBundled="true" />
    <method v="2" />
  </configuration>
</component>
)",
        address(project), gdbstub::xml_escape(project.symbols.string()));
}

std::string vim_quoted(const std::string& text) {
    std::string quoted = "'";
    for (const char c : text)
        quoted += c == '\'' ? std::string("''") : std::string(1, c);
    return quoted + "'";
}

// gdb starts the machine itself, so that there is no port, and the machine ends with gdb. In gdb's extended mode, `run` starts the
// guest anew.
std::string neovim_script(const IdeProject& project) {
    return fmt::format(
        R"(" Debugs a kernel with termdebug, in Vim and Neovim: ":source ringside.vim", then ":Ringside".
packadd termdebug
let s:kernel = {}
let s:machine = {}

function! s:Ringside()
  execute 'Termdebug' fnameescape(s:kernel)
  call TermDebugSendCommand('target extended-remote | ' .. s:machine)
endfunction

command! Ringside call s:Ringside()

" Neovim hands over gdb's output in pieces. Its termdebug takes each piece for whole lines, and loses a stop that comes in two. This
" puts the pieces together: the last one is the start of a line, or empty.
function! s:Pieces(job, pieces, event)
  let l:lines = copy(a:pieces)
  let l:lines[0] = s:rest .. l:lines[0]
  let s:rest = remove(l:lines, -1)
  call s:Lines(a:job, l:lines, a:event)
endfunction

let s:reader = '<SNR>' .. matchstr(execute('scriptnames'), '\d\+\ze: [^\n]*termdebug/plugin/termdebug\.vim') .. '_CommOutput'
if has('nvim') && exists('*' .. s:reader) && !exists('s:Lines')
  let s:rest = ''
  let s:Lines = funcref(s:reader)
  execute 'function!' s:reader .. "(job, pieces, event)\ncall s:Pieces(a:job, a:pieces, a:event)\nendfunction"
endif
)",
        vim_quoted(project.symbols.string()),
        vim_quoted(shell_command(project, run_words(project, "stdio"))));
}

bool one_line(const std::string& text) {
    return text.find_first_of("\n\r") == std::string::npos;
}

Result<std::vector<IdeFile>> files_of(const IdeProject& project) {
    constexpr int kIndent = 4;
    switch (project.ide) {
        case Ide::VsCode:
            return std::vector<IdeFile>{
                {".vscode/launch.json", vscode_launch(project).dump(kIndent) + "\n"},
                {".vscode/tasks.json", vscode_tasks(project).dump(kIndent) + "\n"},
                {fmt::format("{}/package.json", kExtension), std::string(vscode_extension_manifest())},
                {fmt::format("{}/adapter.js", kExtension), std::string(vscode_extension_adapter())}};
        case Ide::Clion:
            return std::vector<IdeFile>{
                {".idea/runConfigurations/Ringside.xml", clion_configuration(project)}};
        case Ide::Neovim:
            return std::vector<IdeFile>{{"ringside.vim", neovim_script(project)}};
    }
    return failure("write an IDE's files", "the IDE is unknown");
}

}  // namespace

Result<std::vector<IdeFile>> ide_files(const IdeProject& project) {
    std::vector<std::string> words = run_words(project, "stdio");
    words.push_back(project.symbols);
    words.push_back(project.program);
    for (const std::string& word : words) {
        if (!one_line(word))
            return failure("write an IDE's files", "\"" + word + "\" contains a line break",
                           "Rename the file, or omit the argument");
    }
    try {
        (void)OrderedJson(words).dump();  // throws at what is not UTF-8
    } catch (const OrderedJson::type_error&) {
        return failure("write an IDE's files", "a path or an argument is not UTF-8",
                       "Rename the file, or omit the argument");
    }
    return files_of(project);
}

std::string next_step(const IdeProject& project) {
    switch (project.ide) {
        case Ide::VsCode:
            return fmt::format(
                "Open the folder in VS Code, choose a configuration in \"Run and Debug\", and press F5.\n"
                "For the buttons that go back: npm install --ignore-scripts --prefix {}\n"
                "Then install \"Ringside\", which VS Code recommends among its extensions.",
                kExtension);
        case Ide::Clion:
            return "Start the machine with: " + shell_command(project, serving_words(project)) +
                   "\nThen choose the run configuration \"Ringside\" in CLion, and press Debug.";
        case Ide::Neovim:
            return "In Neovim or Vim: \":source ringside.vim\", then \":Ringside\".";
    }
    return {};
}

}  // namespace ringside::cli
