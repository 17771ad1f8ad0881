#include "training/muon.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>

#include "training/optimizer.h"

namespace cigli {
namespace {

using torch::Tensor;

TEST(Muon, SingularValuesComeCloseToOne) {
  torch::manual_seed(3);
  for (const auto& [rows, columns] : {std::pair{24, 25}, {16, 80}, {80, 16}}) {
    // Singular values from 1 down to a tenth.
    const Tensor u = std::get<0>(torch::linalg_qr(torch::randn({rows, std::min(rows, columns)})));
    const Tensor v = std::get<0>(torch::linalg_qr(torch::randn({columns, std::min(rows, columns)})));
    const Tensor matrix = u.matmul(torch::diag(torch::linspace(0.1, 1, std::min(rows, columns)))).matmul(v.t());
    const Tensor values = std::get<1>(torch::linalg_svd(orthogonalised(matrix * 1e-3)));
    const Tensor largest = values.slice(0, 0, std::min(rows, columns));
    EXPECT_GT(largest.min().item<double>(), 0.65) << rows << " x " << columns;
    EXPECT_LT(largest.max().item<double>(), 1.25) << rows << " x " << columns;
  }
}

TEST(Muon, KeepsTheSingularVectors) {
  torch::manual_seed(4);
  const Tensor u = std::get<0>(torch::linalg_qr(torch::randn({12, 12})));
  const Tensor v = std::get<0>(torch::linalg_qr(torch::randn({20, 12})));
  const Tensor result = orthogonalised(u.matmul(torch::diag(torch::linspace(0.5, 2, 12))).matmul(v.t()));
  const Tensor core = u.t().matmul(result).matmul(v);
  EXPECT_LT((core - torch::diag(core.diagonal())).abs().max().item<double>(), 1e-4);
  EXPECT_GT(core.diagonal().min().item<double>(), 0.6);
}

TEST(Muon, ZeroStaysZero) { EXPECT_EQ(orthogonalised(torch::zeros({4, 6})).abs().max().item<double>(), 0); }

TEST(Muon, RefusesWhatIsNoMatrix) { EXPECT_THROW(orthogonalised(torch::zeros({4})), c10::Error); }

torch::OrderedDict<std::string, Tensor> parameters() {
  torch::manual_seed(5);
  torch::OrderedDict<std::string, Tensor> p;
  const auto add = [&](const char* name, const Tensor& value) {
    p.insert(name, value.clone().set_requires_grad(true));
  };
  add("fusion.out.weight", torch::randn({8, 16}));
  add("fusion.qkv.weight", torch::randn({48, 16}));
  add("denoiser.conv.weight", torch::randn({8, 4, 3, 3}));
  add("text_encoder.embedding.weight", torch::randn({20, 8}));
  add("fusion.out.bias", torch::randn({8}));
  for (auto& item : p) item.value().mutable_grad() = torch::randn(item.value().sizes());
  return p;
}

// With a first momentum of zero the direction is 1.95 times the gradient, whose length does not matter.
TEST(Muon, AStepIsTheFormula) {
  auto p = parameters();
  OptimizerOptions options;
  options.kind = "muon";
  options.clip = 0;
  options.weight_decay = 0.1;
  std::vector<Tensor> before;
  for (const auto& item : p) before.push_back(item.value().detach().clone());
  Optimizer optimizer(p, options);
  optimizer.step(0, 1e-2);
  const auto moved = [&](std::size_t i) { return before[i] * (1 - 1e-2 * 0.1) - optimizer.view(Optimizer::master, i); };
  const auto direction = [&](std::size_t i) { return p[optimizer.name(i)].grad(); };
  const auto expect = [&](const Tensor& got, const Tensor& expected, const char* what) {
    EXPECT_LT((got - expected).abs().max().item<double>(), 1e-5) << what;
  };
  expect(moved(0), 1e-2 * 0.2 * 4 * orthogonalised(direction(0)), "wide");
  for (int block = 0; block < 3; ++block)
    expect(moved(1).slice(0, 16 * block, 16 * (block + 1)),
           1e-2 * 0.2 * 4 * orthogonalised(direction(1).slice(0, 16 * block, 16 * (block + 1))), "query, key, value");
  expect(moved(2).flatten(1), 1e-2 * 0.2 * 6 * orthogonalised(direction(2).flatten(1)), "convolution");
  expect(moved(3), 1e-2 * direction(3).sign(), "the embedding takes AdamW's step");
  expect(optimizer.view(Optimizer::master, 4), before[4] - 1e-2 * direction(4).sign(), "and so does the bias");
  EXPECT_TRUE(torch::equal(p["fusion.out.weight"], optimizer.view(Optimizer::master, 0)));
}

TEST(Muon, TheLayoutOfAConvolutionDoesNotMatter) {
  std::vector<Tensor> results;
  for (const auto format : {torch::MemoryFormat::Contiguous, torch::MemoryFormat::ChannelsLast}) {
    auto p = parameters();
    Tensor conv = p["denoiser.conv.weight"].detach().contiguous(format).set_requires_grad(true);
    conv.mutable_grad() = p["denoiser.conv.weight"].grad();
    torch::OrderedDict<std::string, Tensor> one;
    one.insert("denoiser.conv.weight", conv);
    OptimizerOptions options;
    options.kind = "muon";
    Optimizer optimizer(one, options);
    for (int step = 0; step < 3; ++step) optimizer.step(step, 1e-2);
    results.push_back(conv.detach().contiguous());
  }
  EXPECT_LT((results[0] - results[1]).abs().max().item<double>(), 1e-5);
}

}  // namespace
}  // namespace cigli
