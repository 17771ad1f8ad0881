#include "runtime/child_process.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "tests/temporary_folder.h"

namespace cigli {
namespace {

TEST(ChildProcess, SpeaksLineByLine) {
  ChildProcess cat("cat");
  cat.write_line("one", 5);
  cat.write_line("", 5);
  cat.write_line("three and more", 5);
  EXPECT_EQ(cat.read_line(5), "one");
  EXPECT_EQ(cat.read_line(5), "");
  EXPECT_EQ(cat.read_line(5), "three and more");
  const ProcessEnd end = cat.finish(5);
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.signal, 0);
}

TEST(ChildProcess, TakesLinesLongerThanAPipe) {
  ChildProcess cat("cat");
  const std::string line(50000, 'x');
  cat.write_line(line, 5);
  EXPECT_EQ(cat.read_line(5), line);
  ChildProcess deaf("sleep 100");
  EXPECT_EQ(error_of([&] { deaf.write_line(std::string(1 << 20, 'x'), 0.2); }), "does not answer in time");
}

TEST(ChildProcess, TellsHowItEnded) {
  ChildProcess failed("echo first >&2; echo 'no such model' >&2; exit 3");
  EXPECT_EQ(error_of([&] { failed.read_line(5); }), "ended with exit code 3: no such model");
  ChildProcess killed("kill -9 $$");
  EXPECT_EQ(error_of([&] { killed.read_line(5); }), "was ended by signal 9");
  ChildProcess high("exit 255");
  EXPECT_EQ(error_of([&] { high.read_line(5); }), "ended with exit code 255");
  ChildProcess absent("/no/such/program");
  EXPECT_NE(error_of([&] { absent.read_line(5); }).find("exit code 127"), std::string::npos);
  ChildProcess ended("exit 4");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_NE(error_of([&] { ended.write_line("x", 5); }).find("exit code 4"), std::string::npos);
}

TEST(ChildProcess, WaitsOnlySoLong) {
  ChildProcess silent("sleep 100");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(error_of([&] { silent.read_line(0.2); }), "does not answer in time");
  EXPECT_EQ(error_of([&] { silent.finish(0.2); }), "goes on after the end of its stdin");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(ChildProcess, IsHeldUntilItIsLetGo) {
  ChildProcess cat("cat");
  cat.hold();
  cat.write_line("x", 5);
  EXPECT_EQ(error_of([&] { cat.read_line(0.2); }), "does not answer in time");
  cat.let_go();
  EXPECT_EQ(cat.read_line(5), "x");
}

TEST(ChildProcess, HasTheEnvironmentThatThisProcessWasStartedWith) {
  ChildProcess child("echo \"[$ATEN_CPU_CAPABILITY] [$HOME]\"");
  std::ifstream file("/proc/self/environ");
  std::map<std::string, std::string> started;
  for (std::string entry; std::getline(file, entry, '\0');)
    started[entry.substr(0, entry.find('='))] = entry.substr(entry.find('=') + 1);
  EXPECT_EQ(child.read_line(5), "[" + started["ATEN_CPU_CAPABILITY"] + "] [" + started["HOME"] + "]");
}

TEST(ChildProcess, MayCleanUpBeforeItIsKilled) {
  TemporaryFolder folder;
  const std::filesystem::path file = folder / "kept";
  {
    ChildProcess tidy("touch '" + file.string() + "'; echo made; cat; rm '" + file.string() + "'");
    tidy.read_line(5);
    EXPECT_TRUE(std::filesystem::exists(file));
  }
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(ChildProcess, EndsAllThatItHasStarted) {
  TemporaryFolder folder;
  pid_t grandchild = 0;
  {
    ChildProcess parent("sleep 100 & echo $!; wait");
    grandchild = static_cast<pid_t>(std::stol(parent.read_line(5)));
    EXPECT_EQ(::kill(grandchild, 0), 0);
  }
  for (int i = 0; i < 100 && ::kill(grandchild, 0) == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_NE(::kill(grandchild, 0), 0);
}

TEST(ChildProcess, CountsProcessorTimeOfAllItsProcesses) {
  ChildProcess busy("(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done); echo done; cat");
  busy.read_line(60);
  const ProcessUsage usage = busy.usage();
  EXPECT_GT(usage.cpu_seconds, 0.02);
  EXPECT_GT(usage.resident_bytes, 100000u);
  EXPECT_GE(usage.peak_bytes, usage.resident_bytes);
}

}  // namespace
}  // namespace cigli
