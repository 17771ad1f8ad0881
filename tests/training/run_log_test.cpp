#include "training/run_log.h"

#include <gtest/gtest.h>

#include "runtime/files.h"
#include "tests/training/tiny_run.h"

namespace cigli {
namespace {

LogRecord record(std::int64_t step) { return {step, step * 4, 0.5, 1e-3, 2.0, 100, 1.5, {{"r1", 0.25}}}; }

TEST(RunLog, ResumingDropsWhatIsBehindTheCheckpoint) {
  const TemporaryFolder folder;
  const std::string file = folder / "log.jsonl";
  {
    RunLog log(file, 0);
    for (const std::int64_t step : {10, 20, 30, 40}) log.append(record(step));
  }
  const std::string whole = read_file(file);
  write_file(file, whole.substr(0, whole.size() - 7));  // killed in the middle of a line
  {
    RunLog log(file, 20);
    for (const std::int64_t step : {30, 40}) log.append(record(step));
  }
  EXPECT_EQ(read_file(file), whole);
  EXPECT_EQ(
      whole.substr(0, whole.find('\n')),
      R"({"step":10,"pairs":40,"loss":0.5,"lr":0.001,"grad_norm":2.0,"r1":0.25,"images_per_second":100.0,"elapsed":1.5})");
}

TEST(RunLog, NamesTheFileItCannotWrite) {
  try {
    RunLog log("/nonexistent/log.jsonl", 0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent/log.jsonl"), std::string::npos);
  }
}

}  // namespace
}  // namespace cigli
