#include "eval/features/reference.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "runtime/npy.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using torch::Tensor;

const Json kDataset{{"features", "dataset"}, {"weights", "a0b1"}};
const Json kInception{{"features", "inception"}, {"weights", "c2d3"}, {"layer", 2048}};

Moments moments_of(const Tensor& rows) {
  Moments moments(rows.size(1));
  moments.add(rows);
  return moments;
}

Tensor bytes_of(const std::string& text) {
  std::vector<std::int64_t> values;
  for (const char c : text) values.push_back(static_cast<unsigned char>(c));
  return torch::tensor(values).to(torch::kUInt8);
}

class ReferenceFile : public testing::Test {
 protected:
  void SetUp() override { torch::manual_seed(0); }
  void expect_refused(const std::map<std::string, Tensor>& arrays, const std::vector<std::string>& parts) const {
    write_npz(file, arrays);
    const std::string error = error_of([&] { read_reference(file); });
    for (const std::string& part : parts) EXPECT_NE(error.find(part), std::string::npos) << error << " lacks " << part;
  }
  const TemporaryFolder folder;
  const fs::path file = folder / "real.npz";
};

TEST_F(ReferenceFile, KeepsWhatIsWritten) {
  const Tensor rows = torch::randn({30, 5});
  write_reference(file, moments_of(rows), kInception, rows);
  const Reference reference = read_reference(file);
  const Tensor exact = rows.to(torch::kFloat64);
  EXPECT_TRUE(reference.statistics.mean.allclose(exact.mean(0), 1e-12, 1e-12));
  EXPECT_TRUE(reference.statistics.covariance().allclose(exact.t().cov(), 1e-12, 1e-12));
  EXPECT_EQ(reference.n, 30);
  EXPECT_EQ(reference.identity, kInception);
  EXPECT_TRUE(reference.rows.equal(rows));
  write_reference(file, moments_of(rows), kDataset);
  EXPECT_FALSE(read_reference(file).rows.defined());
}

// Fewer rows than dimensions: the covariance is singular.
TEST_F(ReferenceFile, KeepsASingularCovariance) {
  const Tensor rows = torch::randn({4, 9});
  write_reference(file, moments_of(rows), kDataset);
  EXPECT_TRUE(read_reference(file).statistics.covariance().allclose(rows.to(torch::kFloat64).t().cov(), 1e-9, 1e-12));
}

TEST_F(ReferenceFile, PytorchFidsHaveStatisticsAlone) {
  const Tensor covariance = torch::tensor({{2.0, 0.5}, {0.5, 1.0}}, torch::kFloat64);
  write_npz(file, {{"mu", torch::tensor({1.0, -1.0}, torch::kFloat64)}, {"sigma", covariance}});
  const Reference reference = read_reference(file);
  EXPECT_TRUE(reference.statistics.covariance().allclose(covariance, 1e-12, 1e-12));
  EXPECT_EQ(reference.n, 0);
  EXPECT_TRUE(reference.identity.is_null());
  EXPECT_FALSE(reference.rows.defined());
}

TEST_F(ReferenceFile, RefusesArraysThatDoNotFit) {
  const Tensor mu = torch::zeros({3}), sigma = torch::eye(3);
  expect_refused({{"mu", mu}}, {"real.npz", "'sigma'"});
  expect_refused({{"sigma", sigma}}, {"real.npz", "'mu'"});
  expect_refused({{"mu", mu}, {"sigma", torch::eye(4)}}, {"real.npz"});
  expect_refused({{"mu", mu}, {"sigma", sigma * NAN}}, {"real.npz"});
  expect_refused({{"mu", mu}, {"sigma", sigma}, {"rows", torch::zeros({7, 4})}}, {"real.npz", "'rows'", "[N, 3]"});
  expect_refused({{"mu", mu}, {"sigma", sigma}, {"features", bytes_of("no JSON")}}, {"real.npz", "'features'"});
  expect_refused({{"mu", torch::zeros({0})}, {"sigma", torch::zeros({0, 0})}}, {"real.npz", "mu [0]", "[D]"});
  EXPECT_NE(error_of([&] { read_reference(folder / "none.npz"); }).find("none.npz"), std::string::npos);
}

TEST_F(ReferenceFile, SaysWhatNumberIsNone) {
  const auto expect_no_count = [&](const Tensor& n, const std::string& found) {
    expect_refused({{"mu", torch::zeros({3})}, {"sigma", torch::eye(3)}, {"n", n}},
                   {"real.npz: array 'n' " + found, "expected the number of images"});
  };
  expect_no_count(torch::tensor(NAN), "is nan");
  expect_no_count(torch::tensor(-4), "is -4");
  expect_no_count(torch::tensor(1), "is 1");
  expect_no_count(torch::tensor(7.5), "is 7.5");
  expect_no_count(torch::tensor(1e300, torch::kFloat64), "is 1e+300");
  expect_no_count(torch::tensor({4, 5}), "has 2 numbers");
}

TEST_F(ReferenceFile, SaysOfWhichFeaturesItCannotBe) {
  const auto expect_unknown = [&](const char* identity, const std::vector<std::string>& parts) {
    std::vector<std::string> all{"real.npz: its array 'features'"};
    all.insert(all.end(), parts.begin(), parts.end());
    expect_refused({{"mu", torch::zeros({3})}, {"sigma", torch::eye(3)}, {"features", bytes_of(identity)}}, all);
  };
  expect_unknown(R"(["dataset"])", {"no JSON object"});
  expect_unknown(R"({"features":7})", {R"("features" 7)", R"("inception" or "clip")"});
  expect_unknown(R"({"features":null})", {R"("features" of type null)", "expected text"});
  expect_unknown(R"({"features":"foo"})", {R"("foo")", R"("dataset", "efficientnet-lite0", "inception" or "clip")"});
  expect_unknown(R"({"features":"inception","layer":"2048"})", {R"("layer" of type string)", "whole number"});
  expect_unknown(R"({"features":"inception","layer":7})", {R"("layer" 7)", "768 or 2048"});
  expect_unknown(R"({"features":"inception","resampling":"foo"})", {R"("resampling" "foo")", "tf1-bilinear"});
  expect_unknown(R"({"features":"dataset","weights":{"a":[]}})", {R"("weights" of type object)"});
}

TEST_F(ReferenceFile, RowsAreThoseOfTheStatistics) {
  const Tensor rows = torch::randn({30, 5}) + 1000;
  write_reference(file, moments_of(rows), kDataset, rows);
  const auto arrays = read_npz(file);
  const auto refuse = [&](const char* name, const Tensor& array, const std::vector<std::string>& parts) {
    auto changed = arrays;
    changed[name] = array;
    expect_refused(changed, parts);
  };
  const Tensor &mu = arrays.at("mu"), &sigma = arrays.at("sigma");
  refuse("n", torch::tensor(31), {"real.npz: array 'rows' has 30 rows", "31"});
  refuse("rows", rows.slice(0, 0, 29), {"real.npz: array 'rows' has 29 rows", "30"});
  refuse("rows", rows + 1, {"real.npz: array 'rows'", "another mean than mu"});
  refuse("mu", mu * (1 + 1e-5), {"another mean than mu"});
  refuse("rows", rows * NAN, {"real.npz: array 'rows'", "not finite"});
  refuse("sigma", sigma * (1 + 1e-5), {"real.npz: array 'rows'", "another covariance than sigma"});
  refuse("sigma", sigma.diagonal().diag(), {"another covariance than sigma"});
  // Any order of the rows will do, and what differs by rounding alone.
  auto changed = arrays;
  changed["rows"] = rows.flip(0).to(torch::kFloat64);
  changed["sigma"] = sigma * (1 + 1e-8);
  write_npz(file, changed);
  EXPECT_EQ(read_reference(file).rows.size(0), 30);
  const Tensor same = torch::full({30, 5}, 1e4 / 3);
  write_reference(file, moments_of(same), kDataset, same);
  EXPECT_EQ(error_of([&] { read_reference(file); }), "");
}

TEST_F(ReferenceFile, PartsMergedAreTheWhole) {
  const Tensor rows = torch::randn({40, 6}, torch::kFloat64) * torch::arange(1, 7) + 3;
  std::vector<fs::path> parts;
  for (const auto& [from, until] : {std::pair{0, 2}, {2, 25}, {25, 40}}) {
    parts.push_back(folder / (std::to_string(from) + ".npz"));
    write_reference(parts.back(), moments_of(rows.slice(0, from, until)), kDataset);
  }
  Json identity;
  const Moments all = merged(parts, identity);
  EXPECT_EQ(all.count(), 40);
  EXPECT_EQ(identity, kDataset);
  EXPECT_TRUE(all.gaussian().mean.allclose(rows.mean(0), 1e-12, 1e-12));
  EXPECT_TRUE(all.gaussian().covariance().allclose(rows.t().cov(), 1e-9, 1e-9));
}

TEST_F(ReferenceFile, MergesOnlyWhatIsOfOneKind) {
  const fs::path first = folder / "first.npz", second = folder / "second.npz";
  const auto error = [&] {
    Json identity;
    return error_of([&] { merged({first, second}, identity); });
  };
  write_reference(first, moments_of(torch::randn({9, 4})), kDataset);
  write_reference(second, moments_of(torch::randn({9, 4})), kInception);
  for (const char* part : {"first.npz", "second.npz", "dataset", "inception"})
    EXPECT_NE(error().find(part), std::string::npos) << error() << " lacks " << part;
  write_reference(second, moments_of(torch::randn({9, 3})), kDataset);
  EXPECT_NE(error().find("second.npz: 3 dimensions"), std::string::npos) << error();
  write_npz(second, {{"mu", torch::zeros({4})}, {"sigma", torch::eye(4)}});
  EXPECT_NE(error().find("second.npz: no array 'n'"), std::string::npos) << error();
  Json identity;
  for (const fs::path& again : {first, folder / "." / "first.npz"})
    EXPECT_EQ(error_of([&] {
                merged({first, again}, identity);
              }),
              again.string() + ": stands twice, expected files of different images");
}

TEST(CheckIdentity, NamesWhatDiffersAndBothFiles) {
  Json other = kDataset;
  other["weights"] = "ffff";
  const std::string error = error_of([&] { check_identity(kDataset, "mine", other, "yours"); });
  for (const char* part : {"mine", "yours", "weights", "a0b1", "ffff"})
    EXPECT_NE(error.find(part), std::string::npos) << error << " lacks " << part;
  EXPECT_NE(error_of([] { check_identity(kDataset, "mine", kInception, "yours"); }), "");
  EXPECT_NE(error_of([] { check_identity(kInception, "mine", kDataset, "yours"); }), "");
  EXPECT_EQ(error_of([] { check_identity(kDataset, "mine", kDataset, "yours"); }), "");
  EXPECT_EQ(error_of([] { check_identity(Json(), "unknown", kDataset, "yours"); }), "");
  EXPECT_EQ(error_of([] { check_identity(kDataset, "mine", Json(), "unknown"); }), "");
}

}  // namespace
}  // namespace cigli
