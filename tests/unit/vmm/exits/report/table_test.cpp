#include "vmm/exits/report/table.h"

#include <gtest/gtest.h>

namespace ringside::exits {
namespace {

Table example() {
    return {"a title",
            {{"name", Align::Left}, {"count", Align::Right}},
            {{"IO", "1000"}, {"EPT_VIOLATION", "7"}},
            {"a note"}};
}

TEST(Table, AlignsColumns) {
    EXPECT_EQ(to_text(example()),
              "a title\n"
              "name           count\n"
              "IO              1000\n"
              "EPT_VIOLATION      7\n"
              "a note\n");
}

TEST(Table, LeavesNoTrailingBlanks) {
    Table table = example();
    table.columns = {{"count", Align::Right}, {"name", Align::Left}};
    table.rows = {{"1", "long text"}, {"2", ""}};
    EXPECT_EQ(to_text(table), "a title\ncount  name\n    1  long text\n    2\na note\n");
}

TEST(Table, WithoutRowsSaysSo) {
    Table table = example();
    table.rows.clear();
    EXPECT_EQ(to_text(table), "a title\n(none)\na note\n");
}

TEST(Table, CsvQuotesWhatItMust) {
    Table table = example();
    table.rows = {{"say \"hi\", twice", "2"}, {"two\nlines", "3"}};
    EXPECT_EQ(to_csv(table), "name,count\r\n\"say \"\"hi\"\", twice\",2\r\n\"two\nlines\",3\r\n");
}

}  // namespace
}  // namespace ringside::exits
