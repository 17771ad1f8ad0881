#include "dataset/metadata.h"

#include <gtest/gtest.h>

#include "runtime/error.h"
#include "runtime/files.h"
#include "samples.h"

namespace cigli {
namespace {

constexpr const char* kGood =
    R"({"id":"a","text":"a red circle","prompt_file_name":"p/a.png","target_file_name":"t/a.png"})";

std::string line_with(const std::string& key, const std::string& value) {
  nlohmann::ordered_json object = nlohmann::ordered_json::parse(kGood);
  object[key] = nlohmann::ordered_json::parse(value);
  return object.dump() + "\n";
}

class MetadataFile : public testing::Test {
 protected:
  Metadata read(const std::string& text) {
    write_bytes(folder_ / "metadata.jsonl", text);
    return read_metadata(folder_.path());
  }
  // The reason of the only fault of a file whose first and third line are good.
  std::string fault_of(const std::string& line) {
    const Metadata metadata = read(line_with("id", "\"first\"") + line + "\n" + line_with("id", "\"third\""));
    EXPECT_EQ(metadata.rows.size(), 2U) << line.substr(0, 100);
    if (metadata.faults.size() != 1) return "no single fault";
    EXPECT_EQ(metadata.faults[0].line, 2);
    return metadata.faults[0].reason;
  }
  TemporaryFolder folder_;
};

void expect_has(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << '"' << text << "\" lacks \"" << part << '"';
}

TEST_F(MetadataFile, ReadsRows) {
  const Metadata metadata =
      read(std::string("\n") + kGood + "\r\n  \n" +
           R"({"id":"b","text":"ü","prompt_file_name":"p","target_file_name":"t","split":"val"})");
  ASSERT_EQ(metadata.rows.size(), 2U);
  EXPECT_TRUE(metadata.faults.empty());
  EXPECT_EQ(metadata.rows[0].id, "a");
  EXPECT_EQ(metadata.rows[0].text, "a red circle");
  EXPECT_EQ(metadata.rows[0].prompt_file_name, "p/a.png");
  EXPECT_EQ(metadata.rows[0].target_file_name, "t/a.png");
  EXPECT_EQ(metadata.rows[0].split, "");
  EXPECT_EQ(metadata.rows[0].line, 2);
  EXPECT_EQ(metadata.rows[1].split, "val");
  EXPECT_EQ(metadata.rows[1].line, 4);
  EXPECT_EQ(read_metadata(folder_ / "metadata.jsonl").rows.size(), 2U);
}

TEST_F(MetadataFile, ExtraKeysSurviveInOrder) {
  const std::string text =
      R"({"zebra":1,"id":"a","text":"x","program":{"b":[1,2.5,null],"a":"é"},"prompt_file_name":"p",)"
      R"("target_file_name":"t","split":"train","apple":true})"
      "\n";
  const Metadata metadata = read(text);
  ASSERT_EQ(metadata.rows.size(), 1U);
  write_metadata(folder_.path(), metadata.rows);
  EXPECT_EQ(read_file(folder_ / "metadata.jsonl"), text);
}

TEST_F(MetadataFile, NamedMembersLieOverTheObject) {
  Row row;
  row.id = "n";
  row.text = "new";
  row.prompt_file_name = "p.png";
  row.target_file_name = "t.png";
  row.object = {{"source", "me"}, {"text", "old"}, {"split", "train"}};
  write_metadata(folder_.path(), {row});
  EXPECT_EQ(read_file(folder_ / "metadata.jsonl"),
            R"({"source":"me","text":"new","id":"n","prompt_file_name":"p.png","target_file_name":"t.png"})"
            "\n");
  row.text = "\xff";
  EXPECT_THROW(write_metadata(folder_.path(), {row}), Error);
  EXPECT_EQ(read_metadata(folder_.path()).rows.at(0).text, "new");  // the old file is whole
}

TEST_F(MetadataFile, FaultsCarryLineAndReason) {
  expect_has(fault_of("{\"id\": "), "malformed JSON");
  expect_has(fault_of("[1, 2]"), "expected an object");
  expect_has(fault_of("17"), "expected an object");
  expect_has(fault_of("{\"id\": \"a\"}"), "no key \"text\"");
  expect_has(fault_of(line_with("text", "3")), "expected a string");
  expect_has(fault_of(line_with("text", "\"\"")), "empty \"text\"");
  expect_has(fault_of(line_with("text", "\" \\n \"")), "empty \"text\"");
  expect_has(fault_of(line_with("text", "\"a\\u0000b\"")), "NUL");
  expect_has(fault_of(line_with("id", "7")), "\"id\"");
  expect_has(fault_of(line_with("split", "7")), "\"split\"");
  expect_has(fault_of(line_with("prompt_file_name", "\"../p.png\"")), "prompt_file_name");
  expect_has(fault_of(line_with("target_file_name", "\"a/../../t.png\"")), "target_file_name");
  expect_has(fault_of(line_with("target_file_name", "\"/etc/passwd\"")), "target_file_name");
  expect_has(fault_of(line_with("id", "\"first\"")), "duplicate id \"first\", first on line 1");
  expect_has(fault_of("{\"id\":\"a\",\"text\":\"\xff\"}"), "not UTF-8");
  expect_has(fault_of("{\"id\":1e99999}"), "malformed JSON");
}

TEST_F(MetadataFile, HostileLinesAreFaults) {
  expect_has(fault_of(std::string(900000, '[')), "nested deeper");
  expect_has(fault_of("{\"a\":" + std::string(400000, '[') + std::string(400000, ']') + "}"), "nested deeper");
  expect_has(fault_of("{\"id\":\"" + std::string(2 << 20, 'x') + "\"}"), "expected at most");
  std::string keys;
  for (int i = 0; i < 60000; ++i) keys += "\"" + std::to_string(i) + "\":0,";
  expect_has(fault_of("{" + keys + "\"id\":\"a\"}"), "more than 4096 keys");
}

TEST_F(MetadataFile, NullSplitIsNone) { EXPECT_EQ(read(line_with("split", "null")).rows.at(0).split, ""); }

TEST_F(MetadataFile, StrictNamesFileAndLine) {
  read(std::string(kGood) + "\n" + kGood + "\n");
  const std::string message = error_of([&] { read_metadata_strict(folder_.path()); });
  expect_has(message, "metadata.jsonl:2: duplicate id");
  EXPECT_EQ(read_metadata(folder_.path()).rows.size(), 1U);
}

TEST_F(MetadataFile, EmptyFileHasNoRowsAndAbsentOneIsAnError) {
  EXPECT_TRUE(read("").rows.empty());
  EXPECT_THROW(read_metadata(folder_ / "elsewhere"), Error);
  std::filesystem::remove(folder_ / "metadata.jsonl");
  expect_has(error_of([&] { read_metadata(folder_.path()); }), "metadata.jsonl");
}

}  // namespace
}  // namespace cigli
