#include "runtime/files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <vector>

#include "runtime/error.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  return names;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Files of this process end at `bytes`: what a full disk does, without one.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_ = {};
  void (*handler_)(int);
};

// Root may write everywhere: a test of permissions acts as somebody else.
class OrdinaryUser {
 public:
  OrdinaryUser() { changed_ = geteuid() == 0 && seteuid(65534) == 0; }
  ~OrdinaryUser() {
    if (changed_ && seteuid(0) != 0) std::abort();
  }

 private:
  bool changed_;
};

TEST(Files, RoundTrip) {
  const TemporaryFolder folder;
  const std::string bytes("a\0b\xFF\n", 5);
  write_file(folder / "file", bytes);
  EXPECT_EQ(read_file(folder / "file"), bytes);
  write_file(folder / "file", "");
  EXPECT_EQ(read_file(folder / "file"), "");
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"file"});
}

TEST(Files, PiecesOfAllSizesArriveInOrder) {
  const TemporaryFolder folder;
  std::string expected;
  write_file(folder / "file", [&](const ByteSink& sink) {
    for (std::size_t size = 1; size < 3000000; size *= 7) {
      const std::string piece(size, static_cast<char>('a' + size % 26));
      sink(piece.data(), piece.size());
      expected += piece;
    }
    sink(nullptr, 0);
  });
  EXPECT_EQ(read_file(folder / "file"), expected);
}

TEST(Files, FailedFillKeepsTheOldFileAndLeavesNothing) {
  const TemporaryFolder folder;
  write_file(folder / "file", "old");
  EXPECT_EQ(error_of([&] {
              write_file(folder / "file", [](const ByteSink& sink) {
                sink("new", 3);
                throw Error("row 7 is wrong");
              });
            }),
            "row 7 is wrong");
  EXPECT_EQ(read_file(folder / "file"), "old");
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"file"});
}

TEST(Files, FullDiskKeepsTheOldFileAndLeavesNothing) {
  const TemporaryFolder folder;
  write_file(folder / "file", "old");
  std::string message;
  {
    const FileSizeLimit limit(1 << 16);
    message = error_of([&] { write_file(folder / "file", std::string(1 << 20, 'x')); });
  }
  EXPECT_EQ(message, "cannot write " + (folder / "file").string() + ": File too large");
  EXPECT_EQ(read_file(folder / "file"), "old");
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"file"});
}

TEST(Files, ReadOnlyFolderIsNamed) {
  const TemporaryFolder folder;
  write_file(folder / "file", "old");
  ASSERT_EQ(chmod(folder.path().c_str(), 0555), 0);
  std::string write, make;
  {
    const OrdinaryUser user;
    write = error_of([&] { write_file(folder / "file", "new"); });
    make = error_of([&] { make_folder(folder / "a/b"); });
  }
  ASSERT_EQ(chmod(folder.path().c_str(), 0755), 0);
  EXPECT_EQ(write, "cannot write " + (folder / "file").string() + ": Permission denied");
  EXPECT_EQ(make, "cannot make folder " + (folder / "a/b").string() + ": Permission denied");
  EXPECT_EQ(read_file(folder / "file"), "old");
}

TEST(Files, RefusesWhatIsNoFile) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  write_file(folder / "file", "x");
  EXPECT_EQ(error_of([&] { read_file(folder / "none"); }),
            "cannot read " + (folder / "none").string() + ": No such file or directory");
  EXPECT_TRUE(contains(error_of([&] { read_file(folder.path()); }), "is a folder"));
  EXPECT_TRUE(contains(error_of([&] { read_file(folder / "pipe"); }), "not a regular file"));
  EXPECT_TRUE(contains(error_of([&] { MappedFile mapped(folder / "none"); }), "none: No such file"));
  EXPECT_TRUE(contains(error_of([&] { MappedFile mapped(folder.path()); }), "is a folder"));
  EXPECT_TRUE(contains(error_of([&] { write_file(folder.path(), "x"); }), "is a folder"));
  EXPECT_TRUE(contains(error_of([&] { write_file(folder / "pipe", "x"); }), "not a regular file"));
  EXPECT_TRUE(contains(error_of([&] { write_file("/dev/null", "x"); }), "not a regular file"));
  EXPECT_TRUE(contains(error_of([&] { write_file(folder / "none/file", "x"); }), "No such file or directory"));
  EXPECT_TRUE(contains(error_of([&] { write_file("", "x"); }), "expected the name of a file"));
  EXPECT_TRUE(contains(error_of([&] { make_folder(folder / "file"); }), (folder / "file").string()));
}

TEST(Files, OutputIsCheckedBeforeItIsThere) {
  const TemporaryFolder folder;
  write_file(folder / "file", "old");
  fs::create_symlink("file", folder / "link");
  for (const char* name : {"file", "link", "new"}) check_output(folder / name);
  EXPECT_EQ(read_file(folder / "file"), "old");
  EXPECT_EQ(names_in(folder.path()).size(), 2U);
  EXPECT_EQ(error_of([&] { check_output(folder / "none/file"); }),
            "cannot write " + (folder / "none/file").string() + ": " + (folder / "none").string() + " does not exist");
  EXPECT_TRUE(contains(error_of([&] { check_output(folder / "file/x"); }), "file is no folder"));
  EXPECT_TRUE(contains(error_of([&] { check_output(folder.path()); }), "is a folder, expected a file"));
  EXPECT_TRUE(contains(error_of([&] { check_output(folder / "new/"); }), "expected the name of a file"));
  EXPECT_TRUE(contains(error_of([&] { check_output(""); }), "expected the name of a file"));
  ASSERT_EQ(chmod(folder.path().c_str(), 0555), 0);
  std::string closed;
  {
    const OrdinaryUser user;
    closed = error_of([&] { check_output(folder / "file"); });
  }
  ASSERT_EQ(chmod(folder.path().c_str(), 0755), 0);
  EXPECT_EQ(closed, "cannot write " + (folder / "file").string() + ": Permission denied");
}

TEST(Files, ReadingIsBounded) {
  const TemporaryFolder folder;
  write_file(folder / "file", std::string(100, 'x'));
  EXPECT_EQ(read_file(folder / "file", 100).size(), 100U);
  EXPECT_TRUE(contains(error_of([&] { read_file(folder / "file", 99); }), "100 bytes, expected at most 99"));
  EXPECT_FALSE(read_file("/proc/self/status").empty());  // announces a size of 0
}

TEST(Files, WritesThroughSymbolicLinks) {
  const TemporaryFolder folder;
  write_file(folder / "target", "old");
  fs::create_symlink("target", folder / "link");
  write_file(folder / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "target"), "new");
}

TEST(Files, ReadersSeeWholeFilesWhileWritersCompete) {
  const TemporaryFolder folder;
  write_file(folder / "file", std::string(5000, 'a'));
  std::vector<std::thread> writers;
  for (const char letter : {'b', 'c', 'd'}) {
    writers.emplace_back([&folder, letter] {
      for (int i = 0; i < 20; ++i) write_file(folder / "file", std::string(5000, letter));
    });
  }
  for (int i = 0; i < 200; ++i) {
    const std::string seen = read_file(folder / "file");
    ASSERT_EQ(seen, std::string(5000, seen.at(0)));
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"file"});
}

TEST(Files, JoinStaysInside) {
  EXPECT_EQ(join_inside("data", "a/b.png", "x"), fs::path("data/a/b.png"));
  EXPECT_EQ(join_inside("data", "./..b/c..png", "x"), fs::path("data/./..b/c..png"));
  const std::string hostile[] = {"", "/etc/passwd", "../x", "a/../../x", "a/..", "a\\b", std::string("a\0b", 3)};
  for (const std::string& name : hostile) {
    const std::string message = error_of([&] { join_inside("data", name, "metadata.jsonl:3"); });
    EXPECT_EQ(message.rfind("metadata.jsonl:3: file name '", 0), 0U) << message;
    EXPECT_EQ(message.find('\0'), std::string::npos);
  }
}

TEST(Files, MappedFileMoves) {
  const TemporaryFolder folder;
  write_file(folder / "one", "first");
  write_file(folder / "empty", "");
  MappedFile one(folder / "one");
  MappedFile other(std::move(one));
  EXPECT_EQ(other.bytes(), "first");
  one = MappedFile(folder / "empty");
  EXPECT_EQ(one.size(), 0U);
  one = std::move(other);
  EXPECT_EQ(one.bytes(), "first");
}

TEST(Files, LinkOrCopyReplacesAndFollowsLinks) {
  TemporaryFolder folder;
  write_file(folder / "from", "content");
  write_file(folder / "to", "old");
  fs::create_symlink("from", folder / "link");
  link_or_copy(folder / "link", folder / "to");
  EXPECT_EQ(read_file(folder / "to"), "content");
  EXPECT_FALSE(fs::is_symlink(folder / "to"));
  write_file(folder / "from", "new content");  // replaces, so that the other name keeps what it had
  EXPECT_EQ(read_file(folder / "to"), "content");
  EXPECT_THROW(link_or_copy(folder / "absent", folder / "x"), Error);
  EXPECT_THROW(link_or_copy(folder / "absent", folder / "to"), Error);
  EXPECT_EQ(read_file(folder / "to"), "content");  // what can't be replaced stays
  fs::create_directory_symlink(".", folder / "itself");
  link_or_copy(folder / "from", folder / "itself/from");
  EXPECT_EQ(read_file(folder / "from"), "new content");
  EXPECT_THROW(link_or_copy(folder / "from", folder / "absent/x"), Error);
}

}  // namespace
}  // namespace cigli
