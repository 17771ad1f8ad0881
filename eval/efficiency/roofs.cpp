#include "eval/efficiency/roofs.h"

#include <torch/torch.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>

namespace cigli {

double fastest_run(const std::function<void()>& run, double budget) {
  using Clock = std::chrono::steady_clock;
  constexpr int least = 5;
  constexpr double patience = 4;  // budgets
  const auto timed = [&] {
    const auto begin = Clock::now();
    run();
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  double spent = timed(), best = std::numeric_limits<double>::infinity();
  for (int n = 0; n == 0 || spent < budget || (n < least && spent < patience * budget); ++n) {
    const double seconds = timed();
    spent += seconds;
    best = std::min(best, seconds);
  }
  return best;
}

namespace {

ComputeRoofs compute_roofs(torch::ScalarType type, double seconds) {
  constexpr std::int64_t side = 2048, images = 8, channels = 128, size = 64;
  const torch::Tensor a = torch::ones({side, side}, type), b = torch::ones({side, side}, type);
  const auto nhwc = torch::MemoryFormat::ChannelsLast;
  const torch::Tensor x = torch::ones({images, channels, size, size}, type).contiguous(nhwc);
  const torch::Tensor weight = torch::ones({channels, channels, 3, 3}, type).contiguous(nhwc);
  torch::Tensor result;
  const double product = fastest_run([&] { result = torch::mm(a, b); }, seconds);
  const double convolution = fastest_run([&] { result = torch::conv2d(x, weight, {}, 1, 1); }, seconds);
  return {2.0 * side * side * side / product, 2.0 * images * size * size * channels * channels * 9 / convolution};
}

// Several times what the last cache holds, as far as the system tells.
std::int64_t uncached_bytes() {
#ifdef _SC_LEVEL3_CACHE_SIZE
  const std::int64_t cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
#else
  const std::int64_t cache = 0;
#endif
  return std::min<std::int64_t>(std::max<std::int64_t>(4 * cache, std::int64_t{64} << 20), std::int64_t{512} << 20);
}

nlohmann::ordered_json json_of_roofs(const ComputeRoofs& roofs) {
  return {{"gemm", roofs.gemm}, {"convolution", roofs.convolution}};
}

}  // namespace

MachineRoofs measure_roofs(bool with_bf16, double seconds) {
  const torch::NoGradGuard no_grad;
  MachineRoofs roofs;
  roofs.fp32 = compute_roofs(torch::kFloat32, seconds);
  if (with_bf16) roofs.bf16 = compute_roofs(torch::kBFloat16, seconds);
  const std::int64_t bytes = uncached_bytes();
  const torch::Tensor from = torch::ones({bytes}, torch::kUInt8);
  torch::Tensor to = torch::empty_like(from);
  roofs.copy = 2 * static_cast<double>(bytes) / fastest_run([&] { to.copy_(from); }, seconds);
  return roofs;
}

nlohmann::ordered_json to_json(const MachineRoofs& roofs) {
  nlohmann::ordered_json json{{"fp32", json_of_roofs(roofs.fp32)}, {"bf16", nullptr}, {"copy", roofs.copy}};
  if (roofs.bf16) json["bf16"] = json_of_roofs(*roofs.bf16);
  return json;
}

}  // namespace cigli
