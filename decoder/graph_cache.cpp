#include "decoder/graph_cache.h"

#include <torch/torch.h>

#include <sstream>

#ifdef CIGLI_CUDA
#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#endif

namespace cigli {

using torch::Tensor;

#ifdef CIGLI_CUDA

struct GraphCache::Recording {
  Recording(const std::vector<Tensor>& given, const Computation& compute);
  at::cuda::CUDAGraph graph;
  std::vector<Tensor> inputs;  // that the graph reads
  Tensor result;               // that it writes
};

namespace {

constexpr std::size_t kMost = 4;  // a run has a batch size, and a last batch of another

std::string shapes_of(const std::vector<Tensor>& tensors) {
  std::ostringstream text;
  for (const Tensor& tensor : tensors)
    if (tensor.defined())
      text << ' ' << tensor.scalar_type() << tensor.sizes() << tensor.strides();
    else
      text << " -";
  return text.str();
}

// Recording needs a stream that isn't the default one. There is one for all, as LibTorch keeps the memory of each
// stream apart; it begins after what the current one was given before and ends before what that is given next, so that
// tensors may pass between the two.
void on_recording_stream(const std::function<void()>& run) {
  const c10::cuda::CUDAStream before = c10::cuda::getCurrentCUDAStream();
  static const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool(false, before.device_index());
  TORCH_CHECK(stream.device_index() == before.device_index(), "one GPU a process");
  at::cuda::CUDAEvent ready, done;
  ready.record(before);
  {
    const c10::cuda::CUDAStreamGuard guard(stream);
    ready.block(stream);
    run();
    done.record(stream);
  }
  done.block(before);
}

}  // namespace

GraphCache::Recording::Recording(const std::vector<Tensor>& given, const Computation& compute) {
  for (const Tensor& input : given) inputs.push_back(input.defined() ? torch::empty_like(input) : input);
  on_recording_stream([&] {
    // A recording has memory of its own, for which LibTorch doesn't give up what it keeps of the first run.
    c10::cuda::CUDACachingAllocator::emptyCache();
    // Other threads may go on asking for memory meanwhile.
    graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    try {
      result = compute(inputs);
    } catch (...) {
      try {
        graph.capture_end();  // else LibTorch and the stream would wait for it for ever
      } catch (const c10::Error&) {
      }
      throw;
    }
    graph.capture_end();
  });
}

Tensor GraphCache::operator()(const std::string& key, const std::vector<Tensor>& inputs, const Computation& compute) {
  const torch::NoGradGuard no_grad;
  if (!inputs.at(0).is_cuda()) return compute(inputs);
  const c10::cuda::CUDAGuard guard(inputs[0].device());
  const std::string whole = key + shapes_of(inputs);
  if (recordings_.size() >= kMost && recordings_.count(whole) == 0) recordings_.clear();
  const auto known = recordings_.find(whole);
  if (known == recordings_.end()) {  // libraries choose their algorithms the first time
    Tensor result;
    on_recording_stream([&] { result = compute(inputs); });
    recordings_.emplace(whole, nullptr);
    return result;
  }
  if (!known->second) known->second = std::make_shared<Recording>(inputs, compute);
  Recording& recording = *known->second;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].defined()) recording.inputs[i].copy_(inputs[i], /*non_blocking=*/true);
  recording.graph.replay();
  return recording.result.clone();
}

#else

struct GraphCache::Recording {};

Tensor GraphCache::operator()(const std::string&, const std::vector<Tensor>& inputs, const Computation& compute) {
  const torch::NoGradGuard no_grad;
  return compute(inputs);
}

#endif

}  // namespace cigli
