#include "eval/efficiency/scenario.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <opencv2/imgcodecs.hpp>
#include <set>

#include "dataset/image.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

std::string fake(const std::string& options) { return std::string("exec ") + CIGLI_FAKE_WORKER + " " + options; }

// Twelve requests with their prompts, and a folder for the answers.
struct Requests {
  TemporaryFolder folder;
  std::vector<ImageRequest> rows;
  Requests() {
    fs::create_directory(folder / "made");
    for (int i = 0; i < 12; ++i) {
      ImageRequest row;
      row.id = std::to_string(i);
      row.text = "make it red";
      row.image = folder / (row.id + "-prompt.png");
      write_png_unsynced(row.image, Image(16, 16, static_cast<std::uint8_t>(i)));
      rows.push_back(row);
    }
  }
  RoundRecord measure(const std::string& options, ScenarioOptions scenario, std::int64_t round = 0) const {
    Worker worker({"fake", fake(options), 20});
    RoundRecord record = run_round(worker, rows, {scenario, round, folder / "made", 0, {}});
    worker.finish();
    return record;
  }
};

ScenarioOptions calls_of(const std::string& name, std::int64_t calls) {
  ScenarioOptions options = scenario_of(name);
  options.calls = calls;
  return options;
}

TEST(Scenario, PlansCallsOfEachKind) {
  EXPECT_EQ(plan_calls(calls_of("single-stream", 3), 0, 12), (std::vector<std::int64_t>{1, 1, 1}));
  EXPECT_EQ(plan_calls(calls_of("fixed-batch", 2), 0, 12), (std::vector<std::int64_t>{16, 16}));
  EXPECT_EQ(plan_calls(calls_of("offline", 2), 0, 12), (std::vector<std::int64_t>{12, 12}));
  ScenarioOptions training = calls_of("training", 2);
  training.steps_per_call = 5;
  EXPECT_EQ(plan_calls(training, 0, 0), (std::vector<std::int64_t>{5, 5}));
  EXPECT_NE(error_of([] { scenario_of("fastest"); }), "");
}

TEST(Scenario, RandomBatchesAreABoundedPoissons) {
  ScenarioOptions options = calls_of("random-batch", 20000);
  options.batch_size = 4;
  const std::vector<std::int64_t> sizes = plan_calls(options, 0, 100);
  EXPECT_EQ(sizes, plan_calls(options, 0, 100));
  EXPECT_NE(sizes, plan_calls(options, 1, 100));
  std::map<std::int64_t, double> counts;
  for (const std::int64_t size : sizes) counts[size] += 1;
  EXPECT_GE(counts.begin()->first, 1);
  EXPECT_LE(counts.rbegin()->first, 8);
  double within = 0;
  for (int k = 1; k <= 8; ++k) within += std::exp(k * std::log(4.0) - 4 - std::lgamma(k + 1));
  for (int k = 1; k <= 8; ++k) {
    const double expected = std::exp(k * std::log(4.0) - 4 - std::lgamma(k + 1)) / within * 20000;
    EXPECT_NEAR(counts[k], expected, 4.5 * std::sqrt(expected)) << k;
  }
}

TEST(WorkerTimingSlow, MeasuresWhatASleeperTakes) {
  const Requests requests;
  const RoundRecord record = requests.measure("--sleep-ms 20", calls_of("single-stream", 60));
  ASSERT_EQ(record.calls.size(), 60u);
  std::vector<double> seconds;
  for (const CallTiming& call : record.calls) seconds.push_back(call.seconds);
  EXPECT_NEAR(latency_quantile(seconds, 0.5), 0.020, 0.001);
  EXPECT_NEAR(throughput({record.calls}).value, 50, 2.5);
  EXPECT_EQ(record.title, "fake");
  EXPECT_EQ(record.details["weights_bytes"], 1000);
}

TEST(WorkerTimingSlow, StartTimeMemoryAndProcessorTimeAreItsOwn) {
  const Requests requests;
  const ScenarioOptions few = calls_of("single-stream", 10);
  const RoundRecord idle = requests.measure("--sleep-ms 1", few);
  const RoundRecord large = requests.measure("--load-ms 150 --load-mb 200 --burn-ms 20", few);
  EXPECT_GT(large.start_seconds, 0.15);
  EXPECT_LT(idle.start_seconds, 0.1);
  const auto over = [](const RoundRecord& r) { return static_cast<double>(r.peak_bytes - r.baseline_bytes) / 1e6; };
  EXPECT_NEAR(over(large), 200, 10);
  EXPECT_LT(over(idle), 10);
  EXPECT_NEAR(large.cpu_seconds, 0.2, 0.08);
  EXPECT_LT(idle.cpu_seconds, 0.06);
}

TEST(WorkerTimingSlow, GrowingMemoryShows) {
  const Requests requests;
  const RoundRecord record = requests.measure("--leak-mb 2", calls_of("single-stream", 30));
  EXPECT_NEAR(static_cast<double>(record.resident_bytes - record.first_resident_bytes) / 1e6, 60, 10);
}

TEST(Worker, RoundsGoOnThroughTheRows) {
  const Requests requests;
  const auto made = [&](std::int64_t round) {
    fs::remove_all(requests.folder / "made");
    fs::create_directory(requests.folder / "made");
    ScenarioOptions options = calls_of("single-stream", 4);
    options.warmup = 0;
    requests.measure("", options, round);
    std::string names;
    for (int i = 0; i < 12; ++i)
      if (fs::exists(requests.folder / "made" / (std::to_string(i) + ".png"))) names += std::to_string(i) + " ";
    return names;
  };
  EXPECT_EQ(made(0), "0 1 2 3 ");
  EXPECT_EQ(made(1), "4 5 6 7 ");
  EXPECT_EQ(made(3), "0 1 2 3 ");
}

// Or a worker that kept its answers would look fast.
TEST(Worker, NoRequestComesTwice) {
  const Requests requests;
  std::set<std::string> seen;
  std::size_t asked = 0;
  for (const auto& [name, calls] : {std::pair{"offline", 3}, std::pair{"single-stream", 30}}) {
    for (std::int64_t round = 0; round < 2; ++round) {
      const fs::path log = requests.folder / "requests.jsonl";
      Worker worker({"fake", "tee " + log.string() + " | " + CIGLI_FAKE_WORKER, 20});
      const ScenarioOptions scenario = calls_of(name, calls);
      run_round(worker, requests.rows, {scenario, round, requests.folder / "made", 0, {}});
      worker.finish();
      std::ifstream file(log);
      for (std::string line; std::getline(file, line);) {
        const auto call = nlohmann::json::parse(line);
        for (const auto& wish : call.at("generate")) {
          seen.insert(name + wish.at("image").dump() + wish.at("seed").dump());
          ++asked;
        }
      }
    }
  }
  EXPECT_EQ(asked, 2u * (4 * 12 + 33));
  EXPECT_EQ(seen.size(), asked);
}

TEST(Worker, TrainsByTheStep) {
  const Requests requests;
  ScenarioOptions options = calls_of("training", 4);
  options.steps_per_call = 3;
  const RoundRecord record = requests.measure("--batch-size 8 --sleep-ms 2", options);
  ASSERT_EQ(record.calls.size(), 4u);
  EXPECT_EQ(record.calls[0].images, 24);
  EXPECT_EQ(record.loss, 0.5);
  EXPECT_NE(error_of([&] { requests.measure("--batch-size 8 --short-at 2", options); }), "");
  EXPECT_NE(error_of([&] { requests.measure("", options); }).find("batch_size"), std::string::npos);
}

TEST(Worker, WhateverBreaksTheProtocolFailsTheRun) {
  const Requests requests;
  const auto complaint = [&](const std::string& options) {
    return error_of([&] { requests.measure(options, calls_of("single-stream", 10)); });
  };
  EXPECT_EQ(complaint("--short-at 5"), "fake, call 5: answered {\"done\":0}, expected \"done\": 1");
  EXPECT_EQ(complaint("--crash-at 6"), "fake, call 6: ended with exit code 7: out of ideas");
  EXPECT_EQ(complaint("--error-at 2"), "fake, call 2: no memory for this");
  EXPECT_EQ(complaint("--exit-code 3"), "fake, call 13: ended with exit code 3: ");
  EXPECT_NE(complaint("--skip-image-at 4").find("said that it was done, but"), std::string::npos);
  EXPECT_NE(complaint("--late-at 4").find("said that it was done, but"), std::string::npos);
  EXPECT_NE(complaint("--protocol 2").find("expected {\"protocol\": 1"), std::string::npos);
  EXPECT_NE(error_of([] {
              Worker({"echo", "echo hello", 5});
            }).find("echo: wrote 'hello' to its stdout"),
            std::string::npos);
  EXPECT_EQ(error_of([] { Worker({"mute", fake("--mute 1"), 0.2}); }), "mute: does not answer in time");
  // All in one write, so that the answer is there before the question, however slow the shell is.
  Worker early({"early", R"(printf '{"protocol":1,"name":"x"}\n{"ready":true}\n{"done":0}\n'; cat)", 5});
  EXPECT_NE(error_of([&] { early.generate({}); }).find("without being asked"), std::string::npos);
  EXPECT_NE(error_of([] { Worker({"none", "/no/such/command", 5}); }).find("exit code 127"), std::string::npos);
}

TEST(Worker, ImagesOfSeveralSizesFailTheRun) {
  const Requests requests;
  write_png_unsynced(requests.rows[3].image, Image(16, 17));
  const std::string complaint = error_of([&] { requests.measure("", calls_of("single-stream", 10)); });
  EXPECT_EQ(complaint, "fake, request 3: an image of 16x17, but the first was of 16x16");
  Worker small({"small", fake(""), 20});
  const RoundOptions options{calls_of("single-stream", 1), 0, requests.folder / "made", 0, {32, 32}};
  EXPECT_EQ(error_of([&] { run_round(small, requests.rows, options); }),
            "small, request 4: an image of 16x16, but the first was of 32x32");
}

TEST(Worker, OtherFormatsThanPngFailTheRun) {
  Requests requests;
  requests.rows[2].image = requests.folder / "prompt.bmp";
  cv::imwrite(requests.rows[2].image.string(), cv::Mat(16, 16, CV_8UC3, cv::Scalar(9, 9, 9)));
  const std::string complaint = error_of([&] { requests.measure("", calls_of("single-stream", 10)); });
  EXPECT_NE(complaint.find("fake, request 2: said that it was done, but"), std::string::npos);
  EXPECT_NE(complaint.find("is no PNG"), std::string::npos);
}

}  // namespace
}  // namespace cigli
