#include "vmm/debug/monitor/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::debug {
namespace {

using ::testing::HasSubstr;

TEST(Documents, ServesTheTargetDescription) {
    DocumentStore store("<target/>");
    EXPECT_EQ(store.document("features", "target.xml"), "<target/>");
    EXPECT_EQ(store.document("features", "other.xml"), std::nullopt);
}

TEST(Documents, ListsAndServesTables) {
    DocumentStore store("");
    store.add({"cpus", "CPUs", "the CPUs", {"Id", "State"}, [] {
                   return std::vector<std::vector<std::string>>{{"0", "halted"}};
               }});
    EXPECT_THAT(store.document("osdata", "").value(), HasSubstr("<column name=\"Type\">cpus</column>"));
    EXPECT_THAT(store.document("osdata", "cpus").value(),
                HasSubstr("<column name=\"State\">halted</column>"));
    EXPECT_EQ(store.document("osdata", "nothing"), std::nullopt);
}

std::string table(std::vector<std::string> columns, std::vector<std::vector<std::string>> rows) {
    DocumentStore store("");
    store.add({"t", "", "", std::move(columns), [rows = std::move(rows)] { return rows; }});
    return store.document("osdata", "t").value();
}

TEST(Documents, EscapesWhatXmlReserves) {
    EXPECT_THAT(table({"C"}, {{"a<b>&\"c\""}}), HasSubstr(">a&lt;b&gt;&amp;&quot;c&quot;<"));
}

TEST(Documents, ARowLongerThanItsColumnsIsCut) {
    EXPECT_EQ(table({}, {{"lost"}}).find("lost"), std::string::npos);
}

}  // namespace
}  // namespace ringside::debug
