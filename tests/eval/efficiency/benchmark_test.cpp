#include "eval/efficiency/benchmark.h"

#include <gtest/gtest.h>

#include "tests/temporary_folder.h"

namespace cigli {
namespace {

SystemRounds system_of(const std::string& name, double seconds, std::optional<double> quality,
                       const std::string& metric = "consistency") {
  SystemRounds system{name, "run " + name, {}, std::nullopt};
  for (int round = 0; round < 2; ++round) {
    RoundRecord record;
    record.calls.assign(20, {seconds, 4});
    record.start_seconds = 1 + round;
    record.cpu_seconds = 8;
    record.baseline_bytes = 50;
    record.peak_bytes = 80 + 10 * static_cast<std::uint64_t>(round);
    record.first_resident_bytes = 100;
    record.resident_bytes = 90 + 30 * static_cast<std::uint64_t>(round);
    record.energy = {"rapl", 40.0};
    system.rounds.push_back(record);
  }
  if (quality) system.quality = BenchmarkQuality{metric, *quality, Interval{*quality, *quality}, 160};
  return system;
}

TEST(Benchmark, SummarizesRounds) {
  const SystemSummary s = summarize("fixed-batch", {system_of("a", 0.5, 0.9)}, std::nullopt)[0];
  EXPECT_EQ(s.calls, 40);
  EXPECT_EQ(s.images, 160);
  EXPECT_DOUBLE_EQ(s.images_per_second.value, 8);
  EXPECT_DOUBLE_EQ(s.p50->value, 0.5);
  EXPECT_FALSE(s.p99);
  EXPECT_DOUBLE_EQ(s.start_seconds, 1.5);
  EXPECT_EQ(s.peak_bytes, 90u);
  EXPECT_EQ(s.over_baseline_bytes, 40u);
  EXPECT_EQ(s.growth_bytes, 20);
  EXPECT_DOUBLE_EQ(s.cpu_seconds_per_image, 0.1);
  EXPECT_DOUBLE_EQ(*s.energy.joules, 0.5);
  EXPECT_FALSE(s.drift);
  EXPECT_FALSE(s.rank);
  EXPECT_NE(error_of([] { summarize("offline", {SystemRounds{"b", "", {}, std::nullopt}}, 0.5); }), "");
}

TEST(Benchmark, RanksOnlyWhatPassesTheGate) {
  const std::vector<SystemRounds> systems{system_of("first", 0.5, 0.9), system_of("fast and bad", 0.01, 0.2),
                                          system_of("faster", 0.25, 0.85), system_of("unknown", 0.1, std::nullopt)};
  const std::vector<SystemSummary> gated = summarize("fixed-batch", systems, 0.8);
  EXPECT_EQ(gated[0].rank, 2);
  EXPECT_FALSE(gated[1].rank);
  EXPECT_FALSE(gated[1].ratio);
  EXPECT_EQ(gated[2].rank, 1);
  EXPECT_DOUBLE_EQ(gated[2].ratio->value, 2);
  EXPECT_FALSE(gated[3].rank);
  for (const SystemSummary& s : summarize("fixed-batch", systems, std::nullopt)) {
    EXPECT_FALSE(s.rank);
    EXPECT_FALSE(s.ratio);
  }
  // With a first system below the gate there is nothing to compare with.
  EXPECT_FALSE(summarize("fixed-batch", {systems[1], systems[0]}, 0.8)[1].ratio);
  EXPECT_EQ(summarize("fixed-batch", {systems[1], systems[0]}, 0.8)[1].rank, 1);
}

TEST(Benchmark, OfDistancesLessIsBetter) {
  EXPECT_TRUE(passes_gate(BenchmarkQuality{"fid", 12, std::nullopt, 9}, 20));
  EXPECT_FALSE(passes_gate(BenchmarkQuality{"fid", 22, std::nullopt, 9}, 20));
  EXPECT_TRUE(passes_gate(BenchmarkQuality{"consistency", 0.9, std::nullopt, 9}, 0.9));
  EXPECT_FALSE(passes_gate(std::nullopt, 0.9));
}

TEST(Benchmark, TrainingHasRatiosWithoutQuality) {
  const std::vector<SystemSummary> s =
      summarize("training", {system_of("a", 0.5, std::nullopt), system_of("b", 0.25, std::nullopt)}, std::nullopt);
  EXPECT_FALSE(s[1].rank);
  EXPECT_DOUBLE_EQ(s[1].ratio->value, 2);
  EXPECT_TRUE(s[1].loss);
}

TEST(Benchmark, DriftIsTheCostOfTheLastTwentiethByTheFirsts) {
  SystemRounds system = system_of("a", 1, std::nullopt);
  for (RoundRecord& round : system.rounds) {
    round.calls.assign(400, {1, 1});
    for (std::size_t i = 380; i < 400; ++i) round.calls[i].seconds = 1.5;
  }
  const SystemSummary s = summarize("single-stream", {system}, std::nullopt)[0];
  ASSERT_TRUE(s.drift);
  EXPECT_DOUBLE_EQ(s.drift->value, 1.5);
  EXPECT_TRUE(s.p99);
}

TEST(Benchmark, JsonSaysWhatIsUnknown) {
  const nlohmann::ordered_json json = to_json(summarize("offline", {system_of("a", 0.5, 0.9)}, 0.8)[0]);
  EXPECT_EQ(json["latency_seconds"]["p50"]["value"], 0.5);
  EXPECT_TRUE(json["latency_seconds"]["p99"].is_null());
  EXPECT_EQ(json["energy_source"], "rapl");
  EXPECT_EQ(json["rank"], 1);
  EXPECT_TRUE(json["ratio_to_first"].is_null());
  EXPECT_EQ(json["quality"]["n"], 160);
}

}  // namespace
}  // namespace cigli
