#include "runtime/text.h"

#include <gtest/gtest.h>

namespace cigli {
namespace {

TEST(Text, FindsTheFirstMalformedByte) {
  constexpr std::size_t kNone = std::string_view::npos;
  EXPECT_EQ(invalid_utf8(""), kNone);
  EXPECT_EQ(invalid_utf8("plain"), kNone);
  EXPECT_EQ(invalid_utf8("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xF4\x8F\xBF\xBF"), kNone);
  EXPECT_EQ(invalid_utf8(std::string_view("a\0b", 3)), kNone);
  EXPECT_EQ(invalid_utf8("ab\xFF"), 2U);
  EXPECT_EQ(invalid_utf8("\x80"), 0U);
  EXPECT_EQ(invalid_utf8("a\xC3"), 1U);             // cut short
  EXPECT_EQ(invalid_utf8("a\xE2\x82"), 1U);         // cut short
  EXPECT_EQ(invalid_utf8("\xC3\x28"), 0U);          // no continuation
  EXPECT_EQ(invalid_utf8("\xC0\xAF"), 0U);          // overlong '/'
  EXPECT_EQ(invalid_utf8("\xE0\x80\xAF"), 0U);      // overlong
  EXPECT_EQ(invalid_utf8("\xF0\x80\x80\xAF"), 0U);  // overlong
  EXPECT_EQ(invalid_utf8("x\xED\xA0\x80"), 1U);     // surrogate
  EXPECT_EQ(invalid_utf8("\xF4\x90\x80\x80"), 0U);  // above U+10FFFF
  EXPECT_EQ(invalid_utf8("\xF0\x9F\x98\x28"), 0U);
}

TEST(Text, SuggestsOnlyWhatIsNear) {
  const std::vector<std::string> names{"steps", "seed", "batch-size", "guidance-text", "guidance-image"};
  EXPECT_EQ(nearest("stepz", names), "steps");
  EXPECT_EQ(nearest("stpes", names), "steps");
  EXPECT_EQ(nearest("sed", names), "seed");
  EXPECT_EQ(nearest("batchsize", names), "batch-size");
  EXPECT_EQ(nearest("guidance-txt", names), "guidance-text");
  EXPECT_EQ(nearest("zebra", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest("steps", {}), "");
}

TEST(Text, WritesQuantitiesForPeople) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1200), "1.2 kB");
  EXPECT_EQ(human_bytes(999999), "1.0 MB");
  EXPECT_EQ(human_bytes(12.3e6), "12.3 MB");
  EXPECT_EQ(human_bytes(5e15), "5000.0 TB");
  EXPECT_EQ(human_seconds(0.25), "0.2 s");
  EXPECT_EQ(human_seconds(59.4), "59 s");
  EXPECT_EQ(human_seconds(59.6), "1 min 0 s");
  EXPECT_EQ(human_seconds(200), "3 min 20 s");
  EXPECT_EQ(human_seconds(7500), "2 h 5 min");
}

TEST(Text, EscapesHtml) {
  EXPECT_EQ(escape_html("a < b & \"c\" > 'd'"), "a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39;");
  EXPECT_EQ(escape_html("r\xC3\xA9"), "r\xC3\xA9");
}

}  // namespace
}  // namespace cigli
