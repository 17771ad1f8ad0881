// Compares what binds kernels, graphs and uploads to LibTorch with the processor, on a GPU; needs LibTorch and CUDA
// alone. Prints a line a test; where there is no GPU, all are skipped. Ends with 1 where one fails.
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <torch/torch.h>

#include <future>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "dataset/tensor_image.h"
#include "dataset/upload.h"
#include "decoder/graph_cache.h"
#include "decoder/sampler_cuda.h"
#include "encoders/layers/group_norm.h"
#include "tests/cuda/gpu_tests.h"

namespace cigli {
namespace {

using torch::Tensor;

const torch::Device kGpu(torch::kCUDA, 0);

void expect(bool truth, const std::string& what) {
  if (!truth) throw std::runtime_error("not so: " + what);
}

void expect_close(const Tensor& there, const Tensor& here, double bound, const std::string& what) {
  const Tensor distance = (there.cpu().to(torch::kFloat64) - here.to(torch::kFloat64)).abs().max();
  const double share = (distance / here.to(torch::kFloat64).abs().max().clamp_min(1e-12)).item<double>();
  if (!(share <= bound)) throw std::runtime_error(what + " is off by " + std::to_string(share));
}

void compare_group_norm(torch::Dtype type, bool modulated) {
  AdaptiveGroupNorm layer(48, 16, true);
  {
    const torch::NoGradGuard no_grad;
    layer->weight.normal_();
    layer->bias.normal_();
  }
  layer->to(type);
  const Tensor x = torch::randn({3, 48, 9, 7}).to(type), film = torch::randn({3, 96}).to(type);
  const auto results = [&](torch::Device device) {
    layer->zero_grad();
    layer->to(device);
    const Tensor given = x.to(device, /*non_blocking=*/false, /*copy=*/true).requires_grad_();
    const Tensor y = layer->forward(given, modulated ? film.to(device) : Tensor());
    y.to(torch::kFloat32).square().sum().backward();
    return std::vector<Tensor>{y.detach(), given.grad(), layer->weight.grad().clone(), layer->bias.grad().clone()};
  };
  const std::vector<Tensor> here = results(torch::kCPU), there = results(kGpu);
  for (std::size_t i = 0; i < here.size(); ++i)
    expect_close(there[i], here[i], type == torch::kFloat32 ? 1e-4 : 3e-2, "result " + std::to_string(i));
}

void compare_update() {
  const Tensor x = torch::randn({2, 3, 8, 8}), clean = torch::randn({4, 3, 8, 8});
  const Tensor there = x.to(kGpu), clean_there = clean.to(kGpu);
  GuidedUpdate<float> update{};
  update.count = x.numel();
  update.step = {0.25F, 0, 0.75F};
  update.x = there.data_ptr<float>();
  update.clean = clean_there.data_ptr<float>();
  update.branches = 2;
  update.factors[0] = 3;
  update.factors[1] = -2;
  update.made = there.data_ptr<float>();
  guided_update(update, kGpu);
  expect_close(there, x * 0.25 + (clean.slice(0, 0, 2) * 3 - clean.slice(0, 2, 4) * 2) * 0.75, 1e-5, "the update");
}

std::vector<Image> four_images() {
  std::vector<Image> images(4, Image(12, 10));
  unsigned state = 1;
  for (Image& image : images)
    for (std::uint8_t& value : image.pixels)
      value = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return images;
}

Tensor batch_of(const std::vector<Image>& images, const torch::TensorOptions& options) {
  std::vector<const std::uint8_t*> pixels;
  for (const Image& image : images) pixels.push_back(image.pixels.data());
  return to_batch(pixels, images[0].height, images[0].width, options);
}

void compare_pixels(torch::Dtype type) {
  const std::vector<Image> images = four_images();
  const Tensor here = batch_of(images, type), there = batch_of(images, torch::dtype(type).device(kGpu));
  expect(there.is_cuda() && there.strides() == here.strides(), "the batch is channels_last on the GPU");
  expect(torch::equal(there.cpu(), here), "values are the same");
  Tensor any = torch::randn({4, 3, 10, 12});
  any[1][2][3][4] = std::numeric_limits<float>::quiet_NaN();
  any = any.to(type);
  for (const auto layout : {torch::MemoryFormat::Contiguous, torch::MemoryFormat::ChannelsLast})
    expect(to_images(any.to(kGpu).contiguous(layout)) == to_images(any), "pixels are the same");
}

// Batches read in another thread, each while the GPU is busy with the one before.
void compare_uploads() {
  const std::vector<Image> images = four_images();
  const Tensor factor = torch::randn({512, 512}, kGpu);
  const auto read = [&] {
    return Upload([&] { return Batch{{}, {}, batch_of(images, kGpu), batch_of(images, kGpu)}; }, kGpu);
  };
  std::future<Upload> next = std::async(std::launch::async, read);
  std::vector<Tensor> sums;
  for (int step = 0; step < 50; ++step) {
    const Upload upload = next.get();
    next = std::async(std::launch::async, read);
    Tensor busy = factor;
    for (int i = 0; i < 20; ++i) busy = torch::matmul(busy, factor).tanh();
    const Batch batch = upload.get();
    sums.push_back((batch.prompt + batch.target + busy.sum() * 0).cpu());
  }
  next.get();
  const Tensor expected = batch_of(images, torch::kFloat32) * 2;
  for (const Tensor& sum : sums) expect(torch::equal(sum, expected), "every batch arrives whole");
}

void compare_graphs() {
  GraphCache graphs;
  const Tensor weight = torch::randn({64, 64}, kGpu) / 8;
  int runs = 0;
  const GraphCache::Computation compute = [&](const std::vector<Tensor>& given) {
    ++runs;
    Tensor x = given[0];
    for (int i = 0; i < 10; ++i) x = torch::matmul(x, weight).tanh() + (given[1].defined() ? given[1] : x);
    return x;
  };
  for (const std::int64_t rows : {3, 8, 3, 8, 5, 2, 1, 3})
    for (int round = 0; round < 4; ++round)
      for (const bool both : {true, false}) {
        const Tensor x = torch::randn({rows, 64}, kGpu), y = both ? torch::randn({rows, 64}, kGpu) : Tensor();
        const Tensor made = graphs("key", {x, y}, compute);
        const int before = runs;
        const Tensor expected = compute({x, y});
        runs = before;
        expect_close(made, expected.cpu(), 1e-4, "what a recording computes");
      }
  expect(runs < 40, "recordings are replayed");
}

void compare_failing_graphs() {
  GraphCache graphs;
  int runs = 0;
  const GraphCache::Computation failing = [&](const std::vector<Tensor>& given) {
    const Tensor twice = given[0] * 2;
    if (++runs == 2) throw std::runtime_error("while recording");
    return twice;
  };
  const Tensor x = torch::randn({64}, kGpu);
  bool thrown = false;
  for (int round = 0; round < 4; ++round) try {
      expect(torch::equal(graphs("key", {x}, failing), x * 2), "it computes before and after");
    } catch (const std::runtime_error&) {
      thrown = true;
    }
  expect(thrown, "a failure while recording comes out");
  c10::cuda::CUDACachingAllocator::emptyCache();
}

int run_all() {
  const std::vector<GpuTest> tests{
      {"group_norm/float32", [] { compare_group_norm(torch::kFloat32, false); }},
      {"group_norm/float32/modulated", [] { compare_group_norm(torch::kFloat32, true); }},
      {"group_norm/bfloat16/modulated", [] { compare_group_norm(torch::kBFloat16, true); }},
      {"guided_update", compare_update},
      {"pixels/float32", [] { compare_pixels(torch::kFloat32); }},
      {"pixels/bfloat16", [] { compare_pixels(torch::kBFloat16); }},
      {"uploads", compare_uploads},
      {"graphs", compare_graphs},
      {"graphs/failing", compare_failing_graphs},
  };
  const bool gpu = torch::cuda::is_available();
  torch::manual_seed(1);
  return run_tests(tests, gpu);
}

}  // namespace
}  // namespace cigli

int main() { return cigli::run_all(); }
