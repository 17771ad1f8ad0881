#include "runtime/line_reader.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <vector>

#include "runtime/error.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& file, const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; }

void write_gzip(const fs::path& file, const std::string& text) {
  const gzFile out = gzopen(file.c_str(), "wb");
  ASSERT_EQ(gzwrite(out, text.data(), static_cast<unsigned>(text.size())), static_cast<int>(text.size()));
  ASSERT_EQ(gzclose(out), Z_OK);
}

std::vector<std::string> lines_of(const fs::path& file) {
  LineReader reader(file);
  std::vector<std::string> lines;
  for (std::string line; reader.next(line);) {
    lines.push_back(line);
    EXPECT_EQ(reader.number(), static_cast<std::int64_t>(lines.size()));
  }
  std::string line = "kept";
  EXPECT_FALSE(reader.next(line));
  return lines;
}

std::string fault_of(const fs::path& file) {
  try {
    lines_of(file);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

using Lines = std::vector<std::string>;

TEST(LineReader, SplitsAtEndsOfLines) {
  TemporaryFolder folder;
  const fs::path file = folder / "a.txt";
  write(file, "one\n\nthree\r\nfour");
  EXPECT_EQ(lines_of(file), (Lines{"one", "", "three", "four"}));
  write(file, "one\n");
  EXPECT_EQ(lines_of(file), (Lines{"one"}));
  write(file, "");
  EXPECT_EQ(lines_of(file), Lines{});
  write(file, "\n");
  EXPECT_EQ(lines_of(file), (Lines{""}));
}

TEST(LineReader, ReadsGzippedFilesOfSeveralPartsAndBlocks) {
  TemporaryFolder folder;
  Lines expected;
  std::string text;
  for (int i = 0; i < 40000; ++i) {
    expected.push_back("line " + std::to_string(i) + std::string(static_cast<std::size_t>(i % 37), 'x'));
    text += expected.back() + '\n';
  }
  expected.emplace_back(700000, 'y');  // longer than a block
  text += expected.back();
  write(folder / "plain.txt", text);
  EXPECT_EQ(lines_of(folder / "plain.txt"), expected);
  write_gzip(folder / "packed", text.substr(0, 1000));
  write_gzip(folder / "second", text.substr(1000));
  std::ofstream(folder / "packed", std::ios::binary | std::ios::app) << std::ifstream(folder / "second").rdbuf();
  EXPECT_EQ(lines_of(folder / "packed"), expected);
}

TEST(LineReader, NamesFileAndLineOfWhatIsWrong) {
  TemporaryFolder folder;
  EXPECT_NE(fault_of(folder / "absent").find("absent: no such file"), std::string::npos);
  EXPECT_NE(fault_of(folder.path()).find("a folder"), std::string::npos);

  std::string text;
  std::uint32_t state = 1;
  for (int i = 0; i < 100000; ++i) text += std::to_string(state = state * 1664525 + 1013904223) + '\n';
  const fs::path file = folder / "cut.gz";
  write_gzip(file, text);
  fs::resize_file(file, fs::file_size(file) / 2);
  const std::string fault = fault_of(file);
  EXPECT_NE(fault.find("truncated gzip"), std::string::npos) << fault;
  const std::size_t at = fault.find("cut.gz:");
  ASSERT_NE(at, std::string::npos) << fault;
  EXPECT_GT(std::stoi(fault.substr(at + 7)), 10000) << fault;  // about half of the lines come before

  write(folder / "long.txt", std::string(20000000, 'x'));
  EXPECT_NE(fault_of(folder / "long.txt").find("long.txt:1: a line of more than 16 MB"), std::string::npos);
}

}  // namespace
}  // namespace cigli
