#include "dataset/requests.h"

#include <gtest/gtest.h>

#include "runtime/error.h"
#include "tests/dataset/samples.h"

namespace cigli {
namespace {

class Requests : public testing::Test {
 protected:
  RequestList read(const std::string& text, const std::string& name = "r.jsonl", const RequestFilter& filter = {}) {
    write_bytes(folder_ / name, text);
    return read_requests(folder_ / name, filter);
  }
  // The reason of the only fault in a file that has a good row behind the bad one.
  std::string fault_of(const std::string& line) {
    const RequestList list = read(line + "\n" + R"({"id":"good","text":"t","image":"p.png"})");
    EXPECT_EQ(list.rows.size(), 1u);
    if (list.faults.size() != 1) return "";
    EXPECT_EQ(list.faults[0].line, 1);
    return list.faults[0].reason;
  }
  TemporaryFolder folder_;
};

TEST_F(Requests, ReadsJsonLines) {
  const RequestList list = read(R"({"id":"a","text":"zwei rote Würfel","image":"sub/p.png","seed":7,"n":3,"other":[1]}

{"id":"b","text":"t","image":"/abs/q.png"})");
  EXPECT_TRUE(list.faults.empty());
  ASSERT_EQ(list.rows.size(), 2u);
  EXPECT_EQ(list.rows[0].text, "zwei rote Würfel");
  EXPECT_EQ(list.rows[0].image, folder_ / "sub/p.png");
  EXPECT_EQ(list.rows[0].image_name, "sub/p.png");
  EXPECT_EQ(list.rows[0].seed, 7u);
  EXPECT_EQ(list.rows[0].count, 3);
  EXPECT_EQ(list.rows[1].image, "/abs/q.png");
  EXPECT_EQ(list.rows[1].line, 3);
  EXPECT_FALSE(list.rows[1].seed || list.rows[1].count);
}

TEST_F(Requests, ReadsCsv) {
  const RequestList list = read(
      "\xef\xbb\xbfid,text,image,seed,n\r\n"
      "a,\"left, then \"\"right\"\"\",p.png,18446744073709551615,\r\n"
      "\r\n"
      "b,\"two\nlines\",p.png,,2\r\n"
      "c,short\n"
      "d,t,p.png,-1,1\n"
      "e,t,p.png,1,1\n",
      "r.csv");
  ASSERT_EQ(list.rows.size(), 3u);
  EXPECT_EQ(list.rows[0].text, "left, then \"right\"");
  EXPECT_EQ(list.rows[0].seed, 18446744073709551615u);
  EXPECT_FALSE(list.rows[0].count);
  EXPECT_EQ(list.rows[1].text, "two\nlines");
  EXPECT_EQ(list.rows[1].count, 2);
  EXPECT_EQ(list.rows[2].id, "e");
  ASSERT_EQ(list.faults.size(), 2u);
  EXPECT_EQ(list.faults[0].line, 6);
  EXPECT_EQ(list.faults[0].reason, "2 cells, expected 5 as in the header line");
  EXPECT_EQ(list.faults[1].line, 7);
}

TEST_F(Requests, CsvNeedsAHeaderAndClosedQuotes) {
  EXPECT_NE(error_of([&] { read("a,b,c\n", "r.csv"); }).find("r.csv:1: no column \"id\""), std::string::npos);
  const RequestList list = read("id,text,image\na,t,p.png\nb,\"t,p.png\n", "r.csv");
  EXPECT_EQ(list.rows.size(), 1u);
  ASSERT_EQ(list.faults.size(), 1u);
  EXPECT_EQ(list.faults[0].line, 3);
}

TEST_F(Requests, ADatasetIsARequestsFile) {
  const std::string rows =
      R"({"id":"a","text":"t","prompt_file_name":"images/a.png","target_file_name":"x.png","split":"val"}
{"id":"b","text":"t","prompt_file_name":"images/b.png","target_file_name":"x.png","split":"test"}
{"id":"c","text":"t","prompt_file_name":"../c.png","target_file_name":"x.png","split":"test"}
{"id":"d","text":"t","prompt_file_name":"/etc/d.png","target_file_name":"x.png","split":"test"}
{"id":"e","text":"t","prompt_file_name":"e.png","target_file_name":"x.png","split":"test"})";
  RequestFilter filter;
  filter.split = "test";
  const RequestList list = read(rows, "metadata.jsonl", filter);
  ASSERT_EQ(list.rows.size(), 2u);
  EXPECT_EQ(list.rows[0].image, folder_ / "images/b.png");
  ASSERT_EQ(list.faults.size(), 2u);
  EXPECT_EQ(list.faults[0].line, 3);
  filter.limit = 1;
  EXPECT_EQ(read(rows, "metadata.jsonl", filter).rows.size(), 1u);
  filter.split = "train";
  EXPECT_NE(error_of([&] { read(rows, "metadata.jsonl", filter); }).find("no row of split \"train\""),
            std::string::npos);
}

TEST_F(Requests, BadRowsAreCollectedWithTheirReason) {
  const auto expect = [&](const std::string& line, const std::string& part) {
    EXPECT_NE(fault_of(line).find(part), std::string::npos) << line << " -> " << fault_of(line);
  };
  expect("{nonsense", "malformed JSON");
  expect("[1]", "expected an object");
  expect(R"({"text":"t","image":"p.png"})", "no key \"id\"");
  expect(R"({"id":7,"text":"t","image":"p.png"})", "expected a string");
  expect(R"({"id":"a","text":" ","image":"p.png"})", "empty \"text\"");
  expect(R"({"id":"a","text":"t"})", "no key \"image\"");
  expect(R"({"id":"a","text":"t","image":"../p.png"})", "..");
  expect(R"({"id":"a","text":"t","image":"/x/../p.png"})", "..");
  expect(R"({"id":"a/b","text":"t","image":"p.png"})", "no safe file name");
  expect(R"({"id":"..","text":"t","image":"p.png"})", "no safe file name");
  expect(R"({"id":"a\nb","text":"t","image":"p.png"})", "no safe file name");
  expect(R"({"id":")" + std::string(300, 'x') + R"(","text":"t","image":"p.png"})", "expected 1-200 bytes");
  expect(R"({"id":"a","text":"t","image":"p.png","n":0})", "whole number from 1");
  expect(R"({"id":"a","text":"t","image":"p.png","seed":-1})", "whole number from 0");
  expect(R"({"id":"a","text":"t","image":"p.png","seed":"x"})", "whole number from 0");
  expect("{\"id\":\"a\",\"text\":\"\xff\",\"image\":\"p.png\"}", "not UTF-8");
}

TEST_F(Requests, DuplicatesNameTheFirstLine) {
  const std::string row = R"({"id":"a","text":"t","image":"p.png"})";
  const RequestList list = read(row + "\n" + row);
  EXPECT_EQ(list.rows.size(), 1u);
  ASSERT_EQ(list.faults.size(), 1u);
  EXPECT_EQ(list.faults[0].reason, "duplicate id \"a\", first on line 1");
}

TEST_F(Requests, RefusesEmptyAndAbsentFiles) {
  EXPECT_NE(error_of([&] { read(""); }).find("r.jsonl: empty file"), std::string::npos);
  EXPECT_NE(error_of([&] { read("\n\n"); }).find("no rows"), std::string::npos);
  EXPECT_NE(error_of([&] { read_requests(folder_ / "none.jsonl"); }).find("none.jsonl"), std::string::npos);
}

}  // namespace
}  // namespace cigli
