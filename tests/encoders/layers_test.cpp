#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "encoders/layers/attention.h"
#include "encoders/layers/feature_map.h"
#include "encoders/layers/pooling.h"
#include "encoders/layers/positions.h"
#include "encoders/layers/residual_block.h"

namespace cigli {
namespace {

using torch::Tensor;

TEST(Attention, EqualsItsFormula) {
  torch::manual_seed(1);
  const auto options = torch::kFloat64;
  const Tensor q = torch::randn({2, 3, 4, 5}, options), k = torch::randn({2, 3, 6, 5}, options);
  const Tensor v = torch::randn({2, 3, 6, 5}, options);
  const Tensor got = scaled_dot_product(q, k, v);
  for (int b = 0; b < 2; ++b)
    for (int h = 0; h < 3; ++h)
      for (int i = 0; i < 4; ++i) {
        double sum = 0;
        Tensor expected = torch::zeros({5}, options);
        for (int j = 0; j < 6; ++j) {
          const double weight = std::exp((q[b][h][i] * k[b][h][j]).sum().item<double>() / std::sqrt(5.0));
          sum += weight;
          expected += weight * v[b][h][j];
        }
        EXPECT_LT((got[b][h][i] - expected / sum).abs().max().item<double>(), 1e-12);
      }
}

TEST(Attention, MaskedKeysAreAsIfAbsent) {
  torch::manual_seed(2);
  const Tensor q = torch::randn({2, 2, 3, 4}), k = torch::randn({2, 2, 5, 4}), v = torch::randn({2, 2, 5, 4});
  Tensor mask = torch::ones({2, 5}, torch::kBool);
  mask[0].slice(0, 2) = false;  // the first sample sees two keys, the second all: masks must not mix samples
  const Tensor got = scaled_dot_product(q, k, v, mask);
  const Tensor first = scaled_dot_product(q, k.slice(2, 0, 2), v.slice(2, 0, 2));
  const Tensor all = scaled_dot_product(q, k, v);
  EXPECT_LT((got[0] - first[0]).abs().max().item<double>(), 1e-5);
  EXPECT_LT((got[1] - all[1]).abs().max().item<double>(), 1e-5);
}

// Without gradients float32 takes its own way, which errs no more than LibTorch's operations do.
TEST(Attention, IsTheSameWithoutGradients) {
  torch::manual_seed(3);
  struct Shape {
    std::int64_t batch, heads, queries, keys, width;
  };
  for (const Shape& s : {Shape{2, 4, 64, 80, 48}, Shape{1, 3, 1, 1, 1}, Shape{3, 1, 50, 17, 44}, Shape{1, 2, 7, 200, 5},
                         Shape{2, 2, 100, 16, 16}}) {
    // As they lie in a product of all three, whose heads and rows lie apart.
    const auto heads_of = [&](std::int64_t rows) {
      return split_heads(3 * torch::randn({s.batch, rows, 2 * s.heads * s.width}).chunk(2, -1)[1], s.heads);
    };
    const Tensor q = heads_of(s.queries), k = heads_of(s.keys), v = heads_of(s.keys);
    Tensor mask = torch::rand({s.batch, s.keys}) < 0.7;
    mask.select(1, 0) = true;
    for (const Tensor& seen : {Tensor(), mask}) {
      const auto exact = [](const Tensor& values) { return values.to(torch::kFloat64); };
      const Tensor expected = scaled_dot_product(exact(q), exact(k), exact(v), seen);
      const auto error = [&](const Tensor& y) { return (exact(y) - expected).abs().max().item<double>(); };
      const double libtorch = error(scaled_dot_product(q, k, v, seen));
      const torch::NoGradGuard no_grad;
      const Tensor got = scaled_dot_product(q, k, v, seen);
      EXPECT_EQ(got.sizes(), expected.sizes());
      EXPECT_LT(error(got), 2 * libtorch + 2e-6);
      for (std::int64_t b = 0; b < s.batch; ++b) {  // whatever the batch
        const auto row = [&](const Tensor& all) { return all.defined() ? all.slice(0, b, b + 1) : all; };
        EXPECT_TRUE(torch::equal(scaled_dot_product(row(q), row(k), row(v), row(seen)), row(got)));
      }
    }
  }
}

TEST(Attention, WithoutGradientsExtremesAreAsInTheFormula) {
  const torch::NoGradGuard no_grad;
  const Tensor q = torch::ones({1, 1, 2, 4}),
               v = torch::tensor({0.0F, 5.0F, 2.0F}).view({1, 1, 3, 1}).repeat({1, 1, 1, 4});
  Tensor k = torch::zeros({1, 1, 3, 4});
  k[0][0][1] = 1e4;  // e to the power of thousands
  EXPECT_TRUE(torch::allclose(scaled_dot_product(q, k, v), torch::full({1, 1, 2, 4}, 5.0)));
  k[0][0][1] = -20;  // e^-40 beside 1
  EXPECT_TRUE(torch::allclose(scaled_dot_product(q, k, v), torch::ones({1, 1, 2, 4})));
  k[0][0][2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(scaled_dot_product(q, k, v).isnan().all().item<bool>());
}

TEST(Attention, RefusesOtherShapes) {
  EXPECT_THROW(scaled_dot_product(torch::zeros({1, 2, 3}), torch::zeros({1, 2, 3}), torch::zeros({1, 2, 3})),
               c10::Error);
}

TEST(Attention, HeadsSplitAndMerge) {
  const Tensor x = torch::arange(2 * 3 * 8).view({2, 3, 8}).to(torch::kFloat32);
  const Tensor split = split_heads(x, 4);
  EXPECT_EQ(split.sizes(), (std::vector<std::int64_t>{2, 4, 3, 2}));
  EXPECT_EQ(split[1][2][1][0].item<float>(), x[1][1][4].item<float>());
  EXPECT_TRUE(torch::equal(merge_heads(split), x));
}

TEST(FeatureMap, TokensRunRowByRow) {
  const Tensor map = torch::arange(2 * 3 * 4 * 5).view({2, 3, 4, 5}).to(torch::kFloat32);
  const Tensor tokens = to_tokens(map);
  EXPECT_EQ(tokens.sizes(), (std::vector<std::int64_t>{2, 20, 3}));
  EXPECT_EQ(tokens[1][2 * 5 + 3][1].item<float>(), map[1][1][2][3].item<float>());
  EXPECT_TRUE(torch::equal(to_map(tokens, 4, 5), map));
}

TEST(FeatureMap, ResizingAveragesWhatItShrinks) {
  const Tensor flat = torch::tensor({0.1f, -0.4f}).view({1, 2, 1, 1}).expand({1, 2, 6, 15});
  EXPECT_TRUE(torch::allclose(resized(flat, 4, 4), flat.slice(2, 0, 4).slice(3, 0, 4), 1e-5, 1e-6));
  const Tensor stripes = torch::tensor({1.f, -1.f}).repeat({16}).view({1, 1, 1, 32}).expand({1, 1, 32, 32});
  EXPECT_LT(resized(stripes, 8, 8).abs().max().item<double>(), 0.1);
  EXPECT_TRUE(resized(stripes, 32, 32).is_same(stripes));
  EXPECT_EQ(resized(stripes.to(torch::kBFloat16), 8, 8).scalar_type(), torch::kBFloat16);
}

TEST(Pooling, TakesTheLargestOfWhatTheMaskKeeps) {
  const Tensor tokens = torch::tensor({-3.0F, 5.0F, -1.0F, 2.0F, 9.0F, 9.0F, 4.0F, 1.0F, 9.0F, 9.0F, 9.0F, 9.0F});
  const Tensor mask = torch::tensor({true, true, false, true, false, false}).view({2, 3});
  EXPECT_TRUE(
      torch::equal(masked_max(tokens.view({2, 3, 2}), mask), torch::tensor({-1.0F, 5.0F, 4.0F, 1.0F}).view({2, 2})));
  EXPECT_THROW(masked_max(tokens.view({2, 3, 2}), mask.slice(1, 0, 2)), c10::Error);
}

TEST(TransformerBlock, StartsAsTheIdentityAndIgnoresMaskedTokens) {
  torch::manual_seed(3);
  TransformerBlock block(TransformerBlockOptions{16, 4});
  const Tensor x = torch::randn({2, 5, 16});
  Tensor mask = torch::ones({2, 5}, torch::kBool);
  EXPECT_TRUE(torch::allclose(block(x, mask), x));
  for (auto& p : block->parameters()) torch::NoGradGuard(), p.set_data(torch::randn_like(p) * 0.2);
  mask[1][4] = false;
  Tensor other = x.clone();
  other[1][4] += 3;
  EXPECT_TRUE(torch::allclose(block(x, mask)[1].slice(0, 0, 4), block(other, mask)[1].slice(0, 0, 4), 1e-5, 1e-6));
}

TEST(ResidualBlock, StartsAsTheIdentityAndIsModulated) {
  torch::manual_seed(4);
  ResidualBlock block(ResidualBlockOptions{32, 8, 16});
  const Tensor x = torch::randn({2, 32, 6, 7}), embedding = torch::randn({2, 8});
  EXPECT_TRUE(torch::allclose(block(x, embedding), x));
  for (auto& p : block->parameters()) torch::NoGradGuard(), p.set_data(torch::randn_like(p) * 0.2);
  EXPECT_GT((block(x, embedding) - block(x, -embedding)).abs().max().item<double>(), 1e-3);
}

TEST(Positions, FourierFeaturesOfCellCentres) {
  const Tensor p = grid_positions(2, 4, 3);
  ASSERT_EQ(p.sizes(), (std::vector<std::int64_t>{8, 12}));
  // Cell 5 is row 1, column 1: x = 1.5/4, y = 1.5/2; features are [sin x-bands, sin y-bands, cos x-bands, cos y-bands].
  EXPECT_NEAR(p[5][1].item<double>(), std::sin(M_PI * 2 * 1.5 / 4), 1e-5);
  EXPECT_NEAR(p[5][3].item<double>(), std::sin(M_PI * 1.5 / 2), 1e-5);
  EXPECT_NEAR(p[5][6].item<double>(), std::cos(M_PI * 1.5 / 4), 1e-5);
}

TEST(Positions, ScalarEmbedding) {
  const Tensor e = scalar_embedding(torch::tensor({0.0f, 0.5f}), 8);
  ASSERT_EQ(e.sizes(), (std::vector<std::int64_t>{2, 8}));
  EXPECT_NEAR(e[1][0].item<double>(), std::sin(0.5), 1e-6);
  EXPECT_NEAR(e[1][7].item<double>(), std::cos(500.0), 1e-3);
  EXPECT_NEAR(e[0][4].item<double>(), 1, 1e-6);
}

}  // namespace
}  // namespace cigli
