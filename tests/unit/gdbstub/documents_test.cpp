#include <gtest/gtest.h>

#include "gdbstub/osdata.h"
#include "gdbstub/xml.h"

namespace ringside::gdbstub {
namespace {

TEST(Xml, EscapesWhatWouldBeMarkup) {
    EXPECT_EQ(xml_escape("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; 'd'");
}

TEST(Xml, ReplacesWhatADocumentMayNotContain) {
    EXPECT_EQ(xml_escape("a\x01\x1f\tb\n\xc3\xa4"), "a??\tb\n\xc3\xa4");
}

TEST(Osdata, IsOneItemForEachRow) {
    EXPECT_EQ(osdata_document("a&b", {"<col>", "x"}, {{"1 < 2", "y"}, {"short"}, {"1", "2", "too many"}}),
              "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"osdata.dtd\">\n<osdata type=\"a&amp;b\">\n"
              "<item><column name=\"&lt;col&gt;\">1 &lt; 2</column><column name=\"x\">y</column></item>\n"
              "<item><column name=\"&lt;col&gt;\">short</column></item>\n"
              "<item><column name=\"&lt;col&gt;\">1</column><column name=\"x\">2</column></item>\n"
              "</osdata>\n");
}

}  // namespace
}  // namespace ringside::gdbstub
