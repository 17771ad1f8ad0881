#include <gtest/gtest.h>
#include <torch/torch.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/files.h"
#include "runtime/npy.h"
#include "tests/temporary_folder.h"
#include "tests/tools/command.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

class EvaluateFeatures : public testing::Test {
 protected:
  void SetUp() override {
    torch::manual_seed(0);
    write_npy(real, torch::randn({120, 6}));
    write_npy(generated, torch::randn({80, 6}) + 0.5);
    write_npy(logits, 3 * torch::randn({80, 10}));
  }
  nlohmann::json scores(std::vector<std::string> words) const {
    words.insert(words.begin(), "evaluate");
    words.push_back("--json");
    const Outcome outcome = cigli(words);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out);
  }
  const TemporaryFolder folder;
  const fs::path real = folder / "real.npy", generated = folder / "generated.npy", logits = folder / "logits.npy";
};

TEST_F(EvaluateFeatures, GivesEveryMetricThatTheArraysAllow) {
  const auto all = scores({"--real-features", real, "--generated-features", generated, "--logits", logits, "--out",
                           folder / "metrics.json"});
  EXPECT_FALSE(all.contains("cmmd"));  // which is of unit embeddings, and has to be asked for
  for (const char* name : {"fid", "kid", "is"}) {
    ASSERT_TRUE(all.contains(name)) << name;
    const auto& metric = all[name];
    const double centre = metric.contains("ci_about") ? metric[metric["ci_about"].get<std::string>()].get<double>()
                                                      : metric["value"].get<double>();
    EXPECT_LT(metric["ci"][0].get<double>(), centre) << name;
    EXPECT_GT(metric["ci"][1].get<double>(), centre) << name;
    EXPECT_EQ(metric["n"], 80) << name;
    EXPECT_EQ(metric["convention"], "cigli") << name;
  }
  EXPECT_LT(all["fid"]["corrected"].get<double>(), all["fid"]["value"].get<double>());
  for (const char* part : {"precision", "recall", "density", "coverage"})
    EXPECT_EQ(all["prdc"][part]["ci"].size(), 2u) << part;
  EXPECT_EQ(nlohmann::json::parse(read_file(folder / "metrics.json")), all);
  const Outcome table = cigli({"evaluate", "--real-features", real, "--generated-features", generated});
  for (const char* word : {"fid", "corrected", "kid", "precision", "coverage"})
    EXPECT_NE(table.out.find(word), std::string::npos) << word;
  EXPECT_EQ(scores({"--logits", logits}).size(), 1u);
}

TEST_F(EvaluateFeatures, StatisticsGiveWhatTheirRowsGive) {
  const auto rows = scores({"--real-features", real, "--generated-features", generated, "--metrics", "fid"});
  const torch::Tensor x = read_npy(real).to(torch::kFloat64), centred = x - x.mean(0);
  write_npz(folder / "real.npz", {{"mu", x.mean(0)}, {"sigma", centred.t().matmul(centred) / 119}});
  const auto mixed = scores({"--real-stats", folder / "real.npz", "--generated-features", generated});
  EXPECT_EQ(mixed.size(), 1u);
  EXPECT_NEAR(mixed["fid"]["value"].get<double>(), rows["fid"]["value"].get<double>(), 1e-9);
  EXPECT_TRUE(mixed["fid"]["ci"].is_null());
  EXPECT_FALSE(mixed["fid"]["note"].get<std::string>().empty());
}

// Statistics of `evaluate reference` say which features they are of: others are refused, and only Inception's are FID.
TEST_F(EvaluateFeatures, StatisticsAreOfOneKindOfFeatures) {
  const auto write = [&](const std::string& name, const std::string& weights) {
    const std::string identity = R"({"features":"dataset","weights":")" + weights + R"(","dtype":"float32"})";
    const torch::Tensor text = torch::empty({static_cast<std::int64_t>(identity.size())}, torch::kUInt8);
    std::copy(identity.begin(), identity.end(), text.data_ptr<std::uint8_t>());
    write_npz(folder / name, {{"mu", torch::zeros({2}, torch::kFloat64)},
                              {"sigma", torch::eye(2, torch::kFloat64)},
                              {"n", torch::tensor(40)},
                              {"features", text}});
    return folder / name;
  };
  const fs::path a = write("a.npz", "1234"), b = write("b.npz", "1234"), other = write("other.npz", "5678");
  const auto same = scores({"--real-stats", a, "--generated-stats", b});
  EXPECT_EQ(same["fd_dataset"]["value"], 0);
  EXPECT_EQ(same["fd_dataset"]["n"], 40);
  EXPECT_EQ(same["fd_dataset"]["n_real"], 40);
  expect_complaint(cigli({"evaluate", "--real-stats", a, "--generated-stats", other}), 1, {"a.npz", "other.npz"});
}

TEST_F(EvaluateFeatures, TheOrderOfRowsDoesNotMatter) {
  torch::manual_seed(1);
  const auto by_class = [] { return std::get<0>(torch::randint(10, {200, 1}).sort(0)) * 3 + torch::randn({200, 4}); };
  const torch::Tensor rows = by_class();
  write_npy(folder / "sorted.npy", rows);
  write_npy(folder / "shuffled.npy", rows.index_select(0, torch::randperm(200)));
  write_npy(folder / "other.npy", by_class());
  const auto of = [&](const char* name) {
    return scores({"--real-features", folder / "other.npy", "--generated-features", folder / name});
  };
  const auto sorted = of("sorted.npy"), shuffled = of("shuffled.npy");
  EXPECT_NEAR(sorted["fid"]["value"], shuffled["fid"]["value"], 1e-9);
  const auto width = [](const nlohmann::json& metric) {
    return metric["ci"][1].get<double>() - metric["ci"][0].get<double>();
  };
  for (const char* name : {"fid", "kid"}) EXPECT_LT(width(sorted[name]), 3 * width(shuffled[name])) << name;
  EXPECT_GT(sorted["fid"]["ci"][1], 0);
}

TEST_F(EvaluateFeatures, FewRowsOfManyDimensionsHaveNoCorrection) {
  write_npy(folder / "a.npy", torch::randn({60, 32}));
  write_npy(folder / "b.npy", torch::randn({64, 32}));
  const auto of = [&](const fs::path& real_rows, const fs::path& rows) {
    return scores({"--real-features", real_rows, "--generated-features", rows, "--metrics", "fid"})["fid"];
  };
  EXPECT_TRUE(of(folder / "a.npy", folder / "b.npy")["ci"].is_null());
  EXPECT_FALSE(of(folder / "a.npy", folder / "b.npy").contains("corrected"));
  EXPECT_NE(of(folder / "a.npy", folder / "b.npy")["note"].get<std::string>().find("take 64 rows"), std::string::npos);
  EXPECT_TRUE(of(folder / "b.npy", folder / "b.npy")["ci"].is_array());
}

TEST_F(EvaluateFeatures, ConventionsDifferAsTheyShould) {
  const auto with = [&](const std::string& convention, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"--real-features", real,       "--generated-features", generated, "--logits", logits,
                                   "--convention",    convention, "--no-intervals"};
    words.insert(words.end(), more.begin(), more.end());
    return scores(words);
  };
  const std::vector<std::string> few{"--subset-size", "50"};
  const auto ours = with("cigli"), fidelity = with("torch-fidelity", few), style = with("stylegan3", few);
  EXPECT_GT(ours["fid"]["value"].get<double>(), style["fid"]["value"].get<double>());
  EXPECT_EQ(fidelity["prdc"]["inside"], "<=");
  EXPECT_EQ(fidelity["prdc"]["neighbours"], 3);
  EXPECT_EQ(fidelity["kid"]["subsets"], 100);
  EXPECT_EQ(fidelity["kid"]["subset_size"], 50);
  EXPECT_FALSE(ours["kid"].contains("subsets"));
  EXPECT_NE(ours["is"]["value"], fidelity["is"]["value"]);  // another order
  EXPECT_TRUE(ours["fid"]["ci"].is_null());
}

TEST_F(EvaluateFeatures, MeanDiscrepancyIsAroundItsUnbiasedValue) {
  const auto all = scores({"--real-features", real, "--generated-features", generated, "--metrics", "cmmd"});
  const auto& metric = all["cmmd"];
  EXPECT_EQ(metric["ci_about"], "unbiased");
  EXPECT_LT(metric["ci"][0], metric["unbiased"]);
  EXPECT_GT(metric["ci"][1], metric["unbiased"]);
  EXPECT_GT(metric["value"], metric["unbiased"]);
  EXPECT_EQ(metric["n"], 80);
}

TEST_F(EvaluateFeatures, BadInputGetsOneLine) {
  const auto evaluate = [](std::vector<std::string> words) {
    words.insert(words.begin(), "evaluate");
    return cigli(words);
  };
  expect_complaint(evaluate({}), 2, {"--generated and --data"});
  expect_complaint(evaluate({"--real-features", real}), 2, {"real.npy", "one side alone"});
  expect_complaint(evaluate({"--real-features", real, "--real-stats", "x.npz", "--generated-features", generated}), 2,
                   {"x.npz", "expected one of them"});
  expect_complaint(evaluate({"--real-features", real, "--generated-features", generated, "--data", "d"}), 2,
                   {"expected one of them"});
  expect_complaint(evaluate({"--logits", logits, "--metrics", "fid"}), 2, {"--metrics fid needs"});
  expect_complaint(evaluate({"--logits", logits, "--metrics", "fd"}), 2, {"metrics", "fid"});
  expect_complaint(evaluate({"--logits", folder / "none.npy"}), 1, {"none.npy"});
  expect_complaint(evaluate({"--real-features", real, "--generated-features", logits}), 1,
                   {"logits.npy: 10 dimensions", "real.npy has 6"});
  torch::Tensor bad = torch::randn({30, 6});
  bad[7][2] = NAN;
  write_npy(folder / "bad.npy", bad);
  expect_complaint(evaluate({"--real-features", real, "--generated-features", folder / "bad.npy"}), 1,
                   {"bad.npy", "row 7", "not finite"});
  write_npy(folder / "few.npy", torch::randn({4, 6}));
  expect_complaint(evaluate({"--real-features", real, "--generated-features", folder / "few.npy", "--metrics", "prdc"}),
                   1, {"5 neighbours", "120 and 4"});
  const auto few = scores({"--real-features", real, "--generated-features", folder / "few.npy"});  // what can be had
  EXPECT_GT(few["fid"]["value"], 0);
  EXPECT_NE(few["prdc"]["note"].get<std::string>().find("120 and 4"), std::string::npos);
  write_npy(folder / "huge.npy", torch::full({30, 6}, 1e60, torch::kFloat64));
  expect_complaint(evaluate({"--real-features", real, "--generated-features", folder / "huge.npy"}), 1,
                   {"huge.npy", "1e+60"});
  // What is of images would say nothing here.
  expect_complaint(evaluate({"--real-features", real, "--generated-features", generated, "--html", "x.html"}), 2,
                   {"--html", "not of arrays"});
  expect_complaint(evaluate({"--real-features", real, "--generated-features", generated, "--metrics", "psnr"}), 2,
                   {"psnr", "not of arrays"});
  expect_complaint(evaluate({"--real-features", real, "--generated-features", generated, "--features", "clip"}), 2,
                   {"--features", "not of arrays"});
  // What would change nothing.
  expect_complaint(evaluate({"--real-features", real, "--generated-features", generated, "--subset-size", "50"}), 2,
                   {"--subset-size", "--subsets", "cigli"});
  const std::string out = folder / "out";
  expect_complaint(evaluate({"--generated", "g", "--data", "d", "--out", out, "--rows", folder / "./out"}), 2,
                   {"out", "more than one of --out, --rows and --html"});
  write_npz(folder / "one.npz", {{"mu", torch::zeros({6})}});
  expect_complaint(evaluate({"--real-stats", folder / "one.npz", "--generated-features", generated}), 1,
                   {"one.npz", "'sigma'"});
  write_npz(folder / "negative.npz", {{"mu", torch::zeros({6})}, {"sigma", -torch::eye(6)}});
  expect_complaint(evaluate({"--real-stats", folder / "negative.npz", "--generated-features", generated}), 1,
                   {"negative.npz", "eigenvalue -1"});
  // One image over and over has no covariance, and no bias to correct; nothing becomes NaN.
  write_npy(folder / "same.npy", torch::ones({40, 6}));
  const auto same = scores({"--real-features", real, "--generated-features", folder / "same.npy"});
  EXPECT_EQ(same.dump().find("null"), std::string::npos) << same.dump();
  EXPECT_EQ(same["prdc"]["recall"]["value"], 0);
}

}  // namespace
}  // namespace cigli
