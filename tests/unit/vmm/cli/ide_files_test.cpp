#include "vmm/cli/ide_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ringside::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

IdeProject project(Ide ide) {
    return {.ide = ide,
            .program = "/opt/ringside",
            .kernel = "/src/bzImage",
            .symbols = "/src/vmlinux",
            .port = 4321,
            .run_arguments = {"--append", "console=ttyS0 quiet"}};
}

nlohmann::json parsed(const IdeFile& file) {
    return nlohmann::json::parse(file.text);
}

std::vector<std::string> paths(const std::vector<IdeFile>& files) {
    std::vector<std::string> found;
    found.reserve(files.size());
    for (const IdeFile& file : files)
        found.push_back(file.path);
    return found;
}

TEST(IdeFiles, VsCodeStartsTheMachineBeforeEachConfiguration) {
    const auto files = ide_files(project(Ide::VsCode));
    ASSERT_TRUE(files);
    ASSERT_THAT(paths(*files), ElementsAre(".vscode/launch.json", ".vscode/tasks.json",
                                           ".vscode/extensions/ringside/package.json",
                                           ".vscode/extensions/ringside/adapter.js"));
    const auto task = parsed(files->at(1)).at("tasks").at(0);
    EXPECT_EQ(task.at("command"), "/opt/ringside");
    EXPECT_THAT(task.at("args").get<std::vector<std::string>>(),
                ElementsAre("run", "--on-disconnect=restart", "--wait", "--gdb=tcp:127.0.0.1:4321",
                            "--append", "console=ttyS0 quiet", "/src/bzImage"));
    const auto configurations = parsed(files->at(0)).at("configurations");
    ASSERT_EQ(configurations.size(), 4U);
    for (const auto& each : configurations) {
        EXPECT_EQ(each.at("preLaunchTask"), task.at("label"));
        EXPECT_EQ(each.at("program"), "/src/vmlinux");
        EXPECT_THAT(each.dump(), HasSubstr("4321"));
    }
}

// VS Code refuses a matcher without these, and then waits for ever for the task.
TEST(IdeFiles, VsCodesMatcherIsComplete) {
    const auto files = ide_files(project(Ide::VsCode));
    ASSERT_TRUE(files);
    const auto matcher = parsed(files->at(1)).at("tasks").at(0).at("problemMatcher");
    for (const char* name : {"regexp", "file", "location", "message"})
        EXPECT_TRUE(matcher.at("pattern").contains(name)) << name;
    for (const char* name : {"activeOnStart", "beginsPattern", "endsPattern"})
        EXPECT_TRUE(matcher.at("background").contains(name)) << name;
}

// VS Code takes the type of a configuration from the extension that the folder brings.
TEST(IdeFiles, VsCodesExtensionBringsTheTypeOfAConfiguration) {
    const auto files = ide_files(project(Ide::VsCode));
    ASSERT_TRUE(files);
    const auto manifest = parsed(files->at(2));
    const auto debugger = manifest.at("contributes").at("debuggers").at(0);
    EXPECT_EQ(debugger.at("program"), "./adapter.js");
    const auto launch = parsed(files->at(0));
    std::vector<std::string> types;
    for (const auto& each : launch.at("configurations"))
        types.push_back(each.at("type"));
    EXPECT_THAT(types, Contains(debugger.at("type").get<std::string>()));
    EXPECT_THAT(files->at(3).text, HasSubstr("require('cdt-gdb-adapter')"));
}

TEST(IdeFiles, VsCodeEndsTheMachineAfterEachSession) {
    const auto files = ide_files(project(Ide::VsCode));
    ASSERT_TRUE(files);
    const auto written = parsed(files->at(1));
    const auto start = written.at("tasks").at(0).at("label");
    const auto end = written.at("tasks").at(1);
    EXPECT_EQ(end.at("command"),
              "echo ${input:" + written.at("inputs").at(0).at("id").get<std::string>() + "}");
    EXPECT_EQ(written.at("inputs").at(0).at("args"), start);
    const auto launch = parsed(files->at(0));
    for (const auto& each : launch.at("configurations"))
        EXPECT_EQ(each.at("postDebugTask"), end.at("label"));
}

TEST(IdeFiles, ClionsConfigurationEscapesThePath) {
    IdeProject odd = project(Ide::Clion);
    odd.symbols = "/src/a&b \"c\"";
    const auto files = ide_files(odd);
    ASSERT_TRUE(files);
    ASSERT_THAT(paths(*files), ElementsAre(".idea/runConfigurations/Ringside.xml"));
    EXPECT_THAT(files->at(0).text, HasSubstr("symbolFile=\"/src/a&amp;b &quot;c&quot;\""));
    EXPECT_THAT(files->at(0).text, HasSubstr("remoteCommand=\"127.0.0.1:4321\""));
}

TEST(IdeFiles, NeovimsScriptQuotesForTheShellAndForVim) {
    IdeProject odd = project(Ide::Neovim);
    odd.symbols = "/it's/vmlinux";
    odd.run_arguments = {"--append", "it's $HOME"};
    const auto files = ide_files(odd);
    ASSERT_TRUE(files);
    ASSERT_THAT(paths(*files), ElementsAre("ringside.vim"));
    EXPECT_THAT(files->at(0).text, HasSubstr("let s:kernel = '/it''s/vmlinux'\n"));
    // The shell's word 'it'\''s $HOME', each quote doubled for Vim.
    EXPECT_THAT(files->at(0).text, HasSubstr("--append ''it''\\''''s $HOME'' /src/bzImage'\n"));
    EXPECT_THAT(files->at(0).text, HasSubstr("target extended-remote | "));
    EXPECT_THAT(files->at(0).text, HasSubstr("run --wait --gdb=stdio "));
}

TEST(IdeFiles, RefusesWhatNoFileCouldHold) {
    for (const Ide ide : {Ide::VsCode, Ide::Clion, Ide::Neovim}) {
        IdeProject broken = project(ide);
        broken.symbols = "/src/\xff";
        EXPECT_FALSE(ide_files(broken));
        broken = project(ide);
        broken.run_arguments = {"two\nlines"};
        EXPECT_FALSE(ide_files(broken));
    }
}

TEST(IdeFiles, ClionIsToldHowToStartTheMachine) {
    EXPECT_THAT(
        next_step(project(Ide::Clion)),
        HasSubstr("/opt/ringside run --on-disconnect=restart --wait --gdb=tcp:127.0.0.1:4321 --append "
                  "'console=ttyS0 quiet' /src/bzImage\n"));
}

}  // namespace
}  // namespace ringside::cli
