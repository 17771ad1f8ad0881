#include "eval/efficiency/tax.h"

#include <ATen/record_function.h>
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <torch/version.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "eval/efficiency/operator_replay.h"
#include "runtime/philox.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

using torch::Tensor;

LatencyFit fit_points(const std::vector<std::pair<std::int64_t, double>>& points) {
  std::vector<LatencySample> samples;
  for (const auto& [batch, seconds] : points) samples.push_back({batch, {seconds}});
  return fit_latency(samples, {0.95, 50, 0});
}

TEST(LatencyFit, FindsTheLine) {
  const LatencyFit fit = fit_points({{1, 0.012}, {2, 0.014}, {4, 0.018}, {16, 0.042}});
  EXPECT_NEAR(fit.fixed, 0.010, 1e-9);
  EXPECT_NEAR(fit.per_item, 0.002, 1e-9);
  EXPECT_NEAR(fit.crossover, 5, 1e-5);
  EXPECT_NEAR(fit.residual, 0, 1e-9);
  EXPECT_NEAR(fit.crossover_interval.low, 5, 1e-5);
  EXPECT_NEAR(fit.crossover_interval.high, 5, 1e-5);
}

TEST(LatencyFit, WeighsRelativeErrors) {
  const std::vector<std::pair<std::int64_t, double>> points{{1, 1.1}, {10, 9.0}, {100, 104}};
  const LatencyFit fit = fit_points(points);
  double along_fixed = 0, along_per_item = 0;  // of the sum of squares' slope
  for (const auto& [batch, seconds] : points) {
    const double error = 1 - (fit.fixed + fit.per_item * static_cast<double>(batch)) / seconds;
    along_fixed += error / seconds;
    along_per_item += error * static_cast<double>(batch) / seconds;
  }
  EXPECT_NEAR(along_fixed, 0, 1e-9);
  EXPECT_NEAR(along_per_item, 0, 1e-9);
  EXPECT_GT(fit.residual, 0.01);
}

TEST(LatencyFit, HasNoPartBelowZero) {
  const LatencyFit without_fixed = fit_points({{1, 1}, {2, 3}});  // the line through both starts at -1
  EXPECT_EQ(without_fixed.fixed, 0);
  EXPECT_NEAR(without_fixed.per_item, 15.0 / 13, 1e-9);  // (1 + 2/3) / (1 + 4/9)
  EXPECT_EQ(without_fixed.crossover, 0);
  const LatencyFit flat = fit_points({{1, 3}, {2, 1}});
  EXPECT_EQ(flat.per_item, 0);
  EXPECT_NEAR(flat.fixed, 1.2, 1e-9);  // (1/3 + 1) / (1/9 + 1)
  EXPECT_TRUE(std::isinf(flat.crossover));
  EXPECT_TRUE(std::isinf(flat.crossover_interval.high));
  EXPECT_NE(to_json(flat).dump().find("\"crossover\":null"), std::string::npos);
}

TEST(LatencyFit, ItsIntervalsHoldTheTruthUnderNoise) {
  Philox random(7);
  std::vector<LatencySample> samples;
  for (const std::int64_t batch : {1, 2, 4, 8, 16}) {
    LatencySample sample{batch, {}};
    for (int i = 0; i < 40; ++i)
      sample.seconds.push_back((0.01 + 0.002 * static_cast<double>(batch)) * (1 + 0.05 * random.normal()));
    sample.seconds.push_back(10);  // someone else's process
    samples.push_back(sample);
  }
  const LatencyFit fit = fit_latency(samples, {0.99, 400, 0});
  EXPECT_NEAR(fit.fixed, 0.01, 5e-4);
  EXPECT_NEAR(fit.per_item, 0.002, 1e-4);
  EXPECT_LT(fit.residual, 0.03);
  const auto holds = [](const Interval& interval, double truth) {
    return interval.low <= truth && truth <= interval.high && interval.low < interval.high;
  };
  EXPECT_TRUE(holds(fit.fixed_interval, 0.01));
  EXPECT_TRUE(holds(fit.per_item_interval, 0.002));
  EXPECT_TRUE(holds(fit.crossover_interval, 5));
  EXPECT_LT(fit.crossover_interval.high, 7);
}

TEST(LatencyFit, RefusesWhatDeterminesNoLine) {
  EXPECT_NE(error_of([] { fit_points({{4, 1}, {4, 2}}); }), "");
  EXPECT_NE(error_of([] { fit_points({{1, 1}, {2, 0}}); }), "");
  EXPECT_NE(error_of([] { fit_latency({{1, {1}}, {2, {}}}); }), "");
}

std::vector<OperatorCall> calls_named(const OperatorTrace& trace, const std::string& name) {
  std::vector<OperatorCall> calls;
  for (const OperatorCall& call : trace.calls)
    if (call.name == name) calls.push_back(call);
  return calls;
}

std::int64_t count_kind(const OperatorTrace& trace, OperatorKind kind) {
  return std::count_if(trace.calls.begin(), trace.calls.end(),
                       [&](const OperatorCall& call) { return call.kind == kind; });
}

// The one layer that `pass` runs.
OperatorCall layer_of(const std::function<void()>& pass, const std::string& name) {
  const std::vector<OperatorCall> calls = calls_named(trace_operators(pass), name);
  if (calls.size() != 1) throw std::runtime_error(std::to_string(calls.size()) + " calls of " + name);
  return calls[0];
}

TEST(OperatorTrace, RecordsALayerAsOneCall) {
  const Tensor x = torch::randn({4, 8}), weight = torch::randn({6, 8}), bias = torch::randn({6});
  const OperatorTrace linear = trace_operators([&] { torch::linear(x, weight, bias); });
  EXPECT_EQ(count_kind(linear, OperatorKind::layer), 1);
  ASSERT_EQ(calls_named(linear, "aten::addmm").size(), 1u);
  EXPECT_TRUE(calls_named(linear, "aten::linear").empty());
  const OperatorCall call = calls_named(linear, "aten::addmm")[0];
  EXPECT_EQ(input_text(call).substr(0, 32), "f32[6], f32[4,8], f32[8,6]/1,8, ");
  EXPECT_EQ(call.outputs.at(0).toTensor().sizes(), (std::vector<std::int64_t>{4, 6}));
  EXPECT_TRUE(call.inputs[0].toTensor().is_meta());
  EXPECT_GT(linear.operators, static_cast<std::int64_t>(linear.calls.size()));  // linear itself

  const Tensor image = torch::randn({2, 64, 32, 32}), filter = torch::randn({64, 64, 3, 3});
  const OperatorTrace convolution = trace_operators([&] { torch::conv2d(image, filter, {}, 1, 1); });
  ASSERT_EQ(convolution.calls.size(), 1u);
  EXPECT_EQ(convolution.calls[0].name, "aten::convolution");
  EXPECT_LT(convolution.composite_seconds, convolution.calls[0].seconds / 2);  // of aten::conv2d around it
}

TEST(OperatorTrace, TellsWhatOperatorsAreFor) {
  const Tensor x = torch::randn({4, 8});
  const OperatorTrace arithmetic = trace_operators([&] { x * 2 + x; });
  EXPECT_EQ(count_kind(arithmetic, OperatorKind::arithmetic), 2);
  const OperatorTrace movement = trace_operators([&] { torch::cat({x.t().contiguous().t(), x.clone()}); });
  EXPECT_EQ(calls_named(movement, "aten::copy_").size(), 2u);
  EXPECT_EQ(calls_named(movement, "aten::cat").size(), 1u);
  EXPECT_EQ(count_kind(movement, OperatorKind::movement), 3);
  EXPECT_EQ(count_kind(movement, OperatorKind::arithmetic) + count_kind(movement, OperatorKind::layer), 0);
  const OperatorTrace views = trace_operators([&] { x.view({8, 4}).transpose(0, 1).slice(1, 0, 2).unsqueeze(0); });
  EXPECT_EQ(count_kind(views, OperatorKind::view), static_cast<std::int64_t>(views.calls.size()));
  EXPECT_GE(views.calls.size(), 4u);
}

TEST(OperatorTrace, KeepsWorkOfOperatorsThatCallOthersBesides) {
  const Tensor x = torch::randn({64, 64});
  // A sum fills its output first, and what mixes types converts: both through operators of their own.
  for (const auto& pass : std::vector<std::function<void()>>{[&] { x.sum(0); }, [&] { x.to(torch::kBFloat16).add(x); },
                                                             [&] { x.pow(2.5); }})
    EXPECT_EQ(count_kind(trace_operators(pass), OperatorKind::arithmetic), 1);
}

TEST(OperatorTrace, SeesBackwardPasses) {
  const Tensor image = torch::randn({2, 3, 8, 8}).requires_grad_(),
               filter = torch::randn({5, 3, 3, 3}).requires_grad_();
  const OperatorTrace trace = trace_operators([&] { torch::conv2d(image, filter, {}, 1, 1).relu().sum().backward(); });
  ASSERT_EQ(calls_named(trace, "aten::convolution_backward").size(), 1u);
  EXPECT_EQ(calls_named(trace, "aten::threshold_backward").size(), 1u);
  EXPECT_GT(calls_named(trace, "aten::convolution_backward")[0].seconds, 0);
}

TEST(OperatorTrace, ItsTimesAddUpToThoseOfThePass) {
  const Tensor x = torch::randn({256, 256}), weight = torch::randn({256, 256}).requires_grad_();
  const auto pass = [&] {
    for (int i = 0; i < 20; ++i) torch::linear(x, weight).relu().mean().backward();
  };
  pass();
  double least = 1e9, most = 0;
  const auto time_passes = [&] {
    for (int i = 0; i < 5; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      pass();
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      least = std::min(least, seconds);
      most = std::max(most, seconds);
    }
  };
  time_passes();
  double quickest = 1e9, slowest = 0;  // of several, as other programs' turns on the processor count too
  for (int i = 0; i < 5; ++i) {
    const OperatorTrace trace = trace_operators(pass);
    double sum = trace.composite_seconds + trace.outside_seconds;
    for (const OperatorCall& call : trace.calls) {
      EXPECT_GE(call.seconds, 0) << call.name;
      sum += call.seconds;
    }
    EXPECT_GE(trace.composite_seconds, 0);
    EXPECT_NEAR(sum, trace.seconds, 1e-9);
    quickest = std::min(quickest, trace.seconds);
    slowest = std::max(slowest, trace.seconds);
  }
  time_passes();
  EXPECT_GT(slowest, least / 2);
  EXPECT_LT(quickest, 3 * most);
}

TEST(OperatorTrace, ShowsTimeOutsideOfOperators) {
  const auto rest = [] { std::this_thread::sleep_for(std::chrono::milliseconds(30)); };
  const Tensor x = torch::randn({4, 8});
  const OperatorTrace unmarked = trace_operators([&] {
    x.relu();
    rest();
  });
  EXPECT_GE(unmarked.outside_seconds, 0.03);
  const OperatorTrace marked = trace_operators([&] {
    RECORD_FUNCTION("cigli::rest", std::vector<c10::IValue>({x}));
    x.relu();
    rest();
  });
  EXPECT_LT(marked.outside_seconds, 0.02);
  ASSERT_EQ(marked.calls.size(), 1u);
  EXPECT_EQ(marked.calls[0].name, "cigli::rest");
  EXPECT_EQ(input_text(marked.calls[0]), "f32[4,8]");
  EXPECT_GE(marked.calls[0].seconds, 0.03);
  EXPECT_FALSE(replay_operator(marked.calls[0]));
}

TEST(OperatorTrace, EndsWithItsPass) {
  const Tensor x = torch::randn({4, 8});
  EXPECT_EQ(error_of([&] { trace_operators([] { throw std::runtime_error("no"); }); }), "no");
  EXPECT_FALSE(at::hasCallbacks());
  EXPECT_NE(error_of([&] { trace_operators([&] { trace_operators([] {}); }); }), "");
  EXPECT_EQ(trace_operators([&] { x.relu(); }).calls.size(), 1u);
  torch::Tensor kept = torch::randn({16});
  const OperatorTrace trace = trace_operators([&] { kept.exp(); });
  EXPECT_EQ(kept.use_count(), 1u);
}

TEST(OperatorWork, CountsFlops) {
  const auto conv = [](const Tensor& x, const Tensor& weight, const torch::nn::functional::Conv2dFuncOptions& options) {
    return operator_flops(layer_of([&] { torch::nn::functional::conv2d(x, weight, options); }, "aten::convolution"));
  };
  using Options = torch::nn::functional::Conv2dFuncOptions;
  EXPECT_EQ(conv(torch::randn({2, 3, 8, 8}), torch::randn({5, 3, 3, 3}), Options().padding(1)), 2.0 * 2 * 5 * 64 * 27);
  EXPECT_EQ(conv(torch::randn({1, 4, 8, 8}), torch::randn({6, 2, 3, 3}), Options().padding(1).stride(2).groups(2)),
            2.0 * 6 * 16 * 2 * 9);
  const Tensor small = torch::randn({1, 4, 5, 5}), filter = torch::randn({4, 6, 2, 2});
  EXPECT_EQ(operator_flops(layer_of([&] { torch::conv_transpose2d(small, filter, {}, 2); }, "aten::convolution")),
            2.0 * 25 * 4 * 6 * 4);

  const auto backward = [](bool of_input) {
    const Tensor x = torch::randn({2, 3, 8, 8}).requires_grad_(of_input),
                 w = torch::randn({5, 3, 3, 3}).requires_grad_();
    return operator_flops(
        layer_of([&] { torch::conv2d(x, w, {}, 1, 1).sum().backward(); }, "aten::convolution_backward"));
  };
  EXPECT_EQ(backward(true), 2 * 2.0 * 2 * 5 * 64 * 27);
  EXPECT_EQ(backward(false), 2.0 * 2 * 5 * 64 * 27);

  const Tensor a = torch::randn({4, 8}), b = torch::randn({8, 6});
  EXPECT_EQ(operator_flops(layer_of([&] { torch::mm(a, b); }, "aten::mm")), 2.0 * 4 * 8 * 6);
  EXPECT_EQ(operator_flops(layer_of([&] { torch::addmm(torch::randn({6}), a, b); }, "aten::addmm")), 2.0 * 4 * 8 * 6);
  const Tensor c = torch::randn({3, 4, 8}), d = torch::randn({3, 8, 6});
  EXPECT_EQ(operator_flops(layer_of([&] { torch::bmm(c, d); }, "aten::bmm")), 3 * 2.0 * 4 * 8 * 6);
  EXPECT_EQ(operator_flops(layer_of([&] { torch::softmax(a, 1); }, "aten::_softmax")), 0);

  OperatorCall attention;  // two products for the forward, five for its backward
  attention.name = "aten::_scaled_dot_product_flash_attention_for_cpu";
  attention.inputs = {torch::empty({2, 3, 10, 4}), torch::empty({2, 3, 7, 4}), torch::empty({2, 3, 7, 4})};
  EXPECT_EQ(operator_flops(attention), 2 * 2.0 * 6 * 10 * 7 * 4);
  attention.name += "_backward";
  attention.inputs.insert(attention.inputs.begin(), torch::empty({2, 3, 10, 4}));
  EXPECT_EQ(operator_flops(attention), 5 * 2.0 * 6 * 10 * 7 * 4);
}

TEST(OperatorWork, CountsBytes) {
  const Tensor x = torch::randn({4, 8});
  const auto bytes = [](const std::function<void()>& pass, const std::string& name) {
    return operator_bytes(layer_of(pass, name));
  };
  EXPECT_EQ(bytes([&] { x.add(x); }, "aten::add"), 3 * 4 * 32);
  EXPECT_EQ(bytes([&] { x.add(torch::ones({1}).expand({4, 8})); }, "aten::add"), (32 + 1 + 32) * 4);
  EXPECT_EQ(bytes([&] { torch::empty({4, 8}).copy_(x); }, "aten::copy_"), 2 * 4 * 32);
  EXPECT_EQ(bytes([&] { x.to(torch::kBFloat16); }, "aten::copy_"), (4 + 2) * 32);
  Tensor out = torch::empty({4, 8});
  EXPECT_EQ(bytes([&] { torch::add_out(out, x, x); }, "aten::add"), 3 * 4 * 32);
  EXPECT_EQ(bytes([&] { torch::cat({x, x}); }, "aten::cat"), 4 * 4 * 32);
  EXPECT_EQ(bytes([&] { x.t(); }, "aten::as_strided") + bytes([&] { x.view({32}); }, "aten::view"), 0);
}

TEST(OperatorReplay, RunsLayersAlone) {
  const Tensor image = torch::randn({2, 8, 8, 8}).requires_grad_(),
               filter = torch::randn({16, 8, 3, 3}).requires_grad_();
  const Tensor ids = torch::tensor({3, 1, 2}), table = torch::randn({5, 8}).requires_grad_();
  const OperatorTrace trace = trace_operators([&] {
    const Tensor y = torch::max_pool2d(torch::conv2d(image, filter, torch::randn({16}), 1, 1), 2);
    const Tensor tokens = torch::layer_norm(torch::embedding(table, ids), {8});
    const Tensor z = torch::softmax(torch::addmm(torch::randn({8}), tokens, torch::randn({8, 8})), 1);
    const Tensor normed = torch::group_norm(y, 4), large = torch::upsample_bilinear2d(normed, {16, 16}, false);
    (large.square().sum() + torch::bmm(y.flatten(2), y.flatten(2).transpose(1, 2)).sum() + z.square().sum()).backward();
  });
  std::set<std::string> replayed;
  for (const OperatorCall& call : trace.calls) {
    if (call.kind != OperatorKind::layer) continue;
    const auto found = replay_operator(call, {false, 1e-4});
    EXPECT_TRUE(found) << call.name << "(" << input_text(call) << ")";
    if (!found) continue;
    EXPECT_GT(found->seconds, 0);
    EXPECT_LT(found->seconds, 0.5);
    replayed.insert(call.name);
  }
  for (const char* layer :
       {"aten::convolution", "aten::convolution_backward", "aten::addmm", "aten::bmm", "aten::_softmax",
        "aten::_softmax_backward_data", "aten::embedding", "aten::embedding_dense_backward", "aten::native_layer_norm",
        "aten::native_layer_norm_backward", "aten::native_group_norm", "aten::native_group_norm_backward",
        "aten::max_pool2d_with_indices", "aten::max_pool2d_with_indices_backward", "aten::upsample_bilinear2d",
        "aten::upsample_bilinear2d_backward"})
    EXPECT_EQ(replayed.count(layer), 1u) << layer;
}

#if TORCH_VERSION_MAJOR >= 2
TEST(OperatorReplay, RunsFusedAttentionAlone) {
  const Tensor q = torch::randn({2, 4, 16, 8}).requires_grad_(), k = torch::randn({2, 4, 24, 8}).requires_grad_();
  const OperatorTrace trace =
      trace_operators([&] { at::scaled_dot_product_attention(q, k, k).square().sum().backward(); });
  std::int64_t attentions = 0;
  for (const OperatorCall& call : trace.calls) {
    if (call.name.rfind("aten::_scaled_dot_product_", 0) != 0) continue;
    ++attentions;
    EXPECT_GE(operator_flops(call), 2 * 2.0 * 8 * 16 * 24 * 8) << call.name;
    EXPECT_TRUE(replay_operator(call, {false, 1e-4})) << call.name << "(" << input_text(call) << ")";
  }
  EXPECT_EQ(attentions, 2);
}
#endif

TEST(OperatorReplay, LeavesTheProgramsDrawsAlone) {
  const OperatorCall call = layer_of([] { torch::mm(torch::ones({4, 4}), torch::ones({4, 4})); }, "aten::mm");
  torch::manual_seed(3);
  const Tensor expected = torch::rand({4});
  torch::manual_seed(3);
  ASSERT_TRUE(replay_operator(call, {true, 1e-4}));
  EXPECT_TRUE(torch::equal(torch::rand({4}), expected));
}

TEST(OperatorReplay, GivesUpWhereACallCannotBeMadeAgain) {
  OperatorCall call = layer_of([] { torch::mm(torch::ones({4, 5}), torch::ones({5, 4})); }, "aten::mm");
  EXPECT_TRUE(replay_operator(call, {false, 1e-4}));
  call.inputs[1] = call.inputs[0];  // of sizes that don't fit
  EXPECT_FALSE(replay_operator(call, {false, 1e-4}));
  call.name = "aten::no_such_operator";
  EXPECT_FALSE(replay_operator(call, {false, 1e-4}));
}

TaxOptions quick_tax() {
  TaxOptions options;
  options.roofs = {{1e11, 1e11}, std::nullopt, 1e10};
  options.seconds = options.replay_seconds = 1e-3;
  return options;
}

TEST(Tax, ReportsEveryOperator) {
  const Tensor x = torch::randn({1, 4, 8, 8}), filter = torch::randn({4, 4, 3, 3});
  const TaxReport report = measure_tax(
      [&] {
        Tensor y = x;
        for (int i = 0; i < 3; ++i) y = torch::conv2d(y, filter, {}, 1, 1).relu();
        RECORD_FUNCTION("cigli::own", std::vector<c10::IValue>());
      },
      quick_tax());
  ASSERT_EQ(report.costs.size(), 3u);
  double ideal = 0, shares = report.composite_share + report.outside_share;
  for (const OperatorCost& cost : report.costs) {
    EXPECT_EQ(cost.calls, cost.call.name == "cigli::own" ? 1 : 3);
    EXPECT_EQ(cost.flops, cost.call.name == "aten::convolution" ? 3 * 2.0 * 4 * 64 * 4 * 9 : 0);
    EXPECT_EQ(cost.kernel == "as it ran", cost.call.name == "cigli::own");
    ideal += cost.ideal;
  }
  for (const double share : report.shares) shares += share;
  EXPECT_NEAR(shares, 1, 1e-6);
  EXPECT_GE(report.seconds.size(), 6u);
  EXPECT_NEAR(report.ideal, ideal, 1e-12);
  EXPECT_NEAR(report.tax, 1 - report.ideal / report.measured, 1e-12);
  const std::string json = to_json(report).dump(), table = to_table(report, 10);
  EXPECT_EQ(nlohmann::json::parse(json)["calls"].size(), 3u);
  EXPECT_NE(table.find("\nconvolution "), std::string::npos);
  EXPECT_NE(table.find("can't be run alone, counted as they ran: cigli::own\n"), std::string::npos);
  EXPECT_EQ(to_table(report, 0).find("\nconvolution "), std::string::npos);
}

TEST(Tax, CountsWhatOperatorsNeed) {
  TaxOptions options = quick_tax();
  const Tensor x = torch::randn({64, 64});
  const auto ideal_of = [&](const std::string& name) {
    const TaxReport report = measure_tax([&] { torch::mm(x, x.clone().t()).add(x).view({32, 128}); }, options);
    for (const OperatorCost& cost : report.costs)
      if (cost.call.name == name) return std::make_pair(cost.ideal, cost.seconds);
    throw std::runtime_error("no " + name);
  };
  EXPECT_EQ(ideal_of("aten::copy_").first, 0);
  EXPECT_EQ(ideal_of("aten::view").first, 0);
  EXPECT_GT(ideal_of("aten::mm").first, 0);
  options.roofs.copy = 1e14;
  EXPECT_NEAR(ideal_of("aten::add").first, 3 * 4 * 64 * 64 / 1e14, 1e-15);
  options.roofs.copy = 1;  // caches made it faster
  const auto [ideal, seconds] = ideal_of("aten::add");
  EXPECT_EQ(ideal, seconds);
}

TEST(Tax, AdvisesByTheFigures) {
  TaxOptions options = quick_tax();
  TaxReport report;
  report.tax = 0.09;
  report.shares = {0.91, 0.03, 0.03, 0.03};
  const auto advice = [&](const std::optional<LatencyFit>& fit = std::nullopt) {
    return tax_advice(report, options, 16, fit);
  };
  EXPECT_EQ(advice(), "reaches 91 % of what its layers can do alone: only fewer operations help");

  report.tax = 0.5;
  report.shares = {0.5, 0.05, 0.38, 0.02};
  EXPECT_EQ(advice().substr(0, 27), "38 % of the time moves data");
  LatencyFit fit;
  fit.crossover = 5.2;
  EXPECT_EQ(advice(fit).substr(0, 27), "38 % of the time moves data");  // batch 16 lies above
  fit.crossover = 40.2;
  EXPECT_EQ(advice(fit), "framework-bound below batch 41: batch more");

  OperatorCost product;
  product.call = layer_of([] { torch::mm(torch::ones({4, 4}), torch::ones({4, 4})); }, "aten::mm");
  product.flops = 128;
  product.share = 0.5;
  product.seconds = 0.004;
  product.ideal = 0.001;
  product.kernel = "nhwc";
  report.costs = {product};
  options.roofs.bf16 = ComputeRoofs{4e11, 4e11};
  EXPECT_EQ(advice().substr(0, 27), "38 % of the time moves data");  // bfloat16 is not allowed
  options.allow_bf16 = true;
  EXPECT_EQ(advice(), "float32 where bfloat16's products run 4.0 times as fast: --precision bf16");

  report.costs[0].call.inputs = {torch::empty({4, 4}, torch::kBFloat16), torch::empty({4, 4}, torch::kBFloat16)};
  options.roofs.bf16 = ComputeRoofs{1e10, 1e10};
  EXPECT_EQ(advice(), "bfloat16 where float32's products run 10.0 times as fast: --precision fp32");

  report.costs = {product};
  report.shares = {0.7, 0.05, 0.05, 0.05};
  EXPECT_EQ(advice(), "aten::mm (f32[4,4], f32[4,4]) loses most: 3.00 of its 4.00 ms against running alone (nhwc)");
  report.outside_share = 0.4;
  EXPECT_EQ(advice().substr(0, 36), "40 % of the time is in no operator: ");
  report.composite_share = 0.5;
  EXPECT_EQ(advice().substr(0, 34), "55 % of the time goes into views, ");
  product.call.kind = OperatorKind::arithmetic;
  product.share = 0.8;
  report.costs = {product};
  EXPECT_EQ(advice().substr(0, 31), "60 % of the time is arithmetic ");  // of 80 % a quarter is needed
}

TEST(TaxTimingSlow, OfAChainOfTinyOperatorsIsNearlyAll) {
  TaxOptions options;
  options.roofs = measure_roofs(false);
  const Tensor one = torch::ones({1});
  const TaxReport report = measure_tax(
      [&] {
        Tensor x = one;
        for (int i = 0; i < 1000; ++i) x = x + one;
      },
      options);
  EXPECT_GE(report.tax, 0.95);
  EXPECT_LE(report.tax, 1);
  EXPECT_EQ(report.operators, 1000);
}

TEST(TaxTimingSlow, OfOneLargeProductIsNearlyNothing) {
  TaxOptions options;
  options.roofs = measure_roofs(false);
  options.replay_seconds = 1;
  const Tensor a = torch::randn({1024, 1024}), b = torch::randn({1024, 1024});
  TaxReport report;
  report.tax = 1;
  // Whatever else runs on the machine may slow either half of a measurement.
  for (int tries = 0; tries < 5 && std::fabs(report.tax) > 0.05; ++tries)
    report = measure_tax([&] { torch::mm(a, b); }, options);
  EXPECT_LE(report.tax, 0.05);
  EXPECT_GE(report.tax, -0.05);
  ASSERT_EQ(report.costs.size(), 1u);
  EXPECT_GE(report.costs[0].of_roof.value(), 0.3);
}

TEST(TaxTimingSlow, RoofsArePlausible) {
  const MachineRoofs roofs = measure_roofs(false);
  EXPECT_GT(roofs.fp32.gemm, 1e9);
  EXPECT_LT(roofs.fp32.gemm, 1e15);
  EXPECT_GT(roofs.fp32.convolution, 1e9);
  EXPECT_GT(roofs.copy, 1e8);
  EXPECT_LT(roofs.copy, 1e13);
  EXPECT_TRUE(to_json(roofs)["bf16"].is_null());
}

}  // namespace
}  // namespace cigli
