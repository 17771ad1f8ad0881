#include "eval/efficiency/kernel_speeds.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <type_traits>

#include "decoder/cuda/group_norm_kernel.h"
#include "decoder/cuda/guided_update_kernel.h"
#include "decoder/cuda/pixel_kernel.h"
#include "eval/efficiency/roofs.h"

#ifdef CIGLI_CUDA
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "decoder/cuda/device_kernels.h"
#endif

namespace cigli {
namespace {

using torch::Tensor;

// A tensor: several times what most processors' last cache holds, little beside a GPU's memory.
constexpr std::int64_t kBytes = std::int64_t{128} << 20;

// Calls launch(threads) on the processor, launch(stream) on a GPU, and waits for its end.
template <class Launch>
void run_on(c10::Device device, const Launch& launch) {
#ifdef CIGLI_CUDA
  if (device.is_cuda()) {
    const c10::cuda::CUDAGuard guard(device);
    const cudaStream_t stream = c10::cuda::getCurrentCUDAStream().stream();
    C10_CUDA_CHECK(launch(stream));
    C10_CUDA_CHECK(cudaStreamSynchronize(stream));
    return;
  }
#endif
  TORCH_CHECK(device.is_cpu(), "no kernels for ", device);
  launch(at::get_num_threads());
}

// The processor's pixel kernels on all threads.
template <class From, class To, class Convert>
void convert_in_parts(const From* from, std::int64_t count, To* to, const Convert& convert) {
  at::parallel_for(0, count, 1 << 16,
                   [&](std::int64_t begin, std::int64_t end) { convert(from + begin, end - begin, to + begin); });
}
template <class T>
void to_units(const std::uint8_t* pixels, std::int64_t count, T* units, int) {
  convert_in_parts(pixels, count, units, [](auto... part) { pixels_to_units(part...); });
}
template <class T>
void to_pixels(const T* units, std::int64_t count, std::uint8_t* pixels, int) {
  convert_in_parts(units, count, pixels, [](auto... part) { units_to_pixels(part...); });
}
#ifdef CIGLI_CUDA
template <class T>
cudaError_t to_units(const std::uint8_t* pixels, std::int64_t count, T* units, cudaStream_t stream) {
  return pixels_to_units(pixels, count, units, stream);
}
template <class T>
cudaError_t to_pixels(const T* units, std::int64_t count, std::uint8_t* pixels, cudaStream_t stream) {
  return units_to_pixels(units, count, pixels, stream);
}
#endif

// Measures the kernels of one type (T = float, or std::uint16_t for bfloat16).
template <class T>
class Measurement {
 public:
  Measurement(c10::Device device, double seconds) : device_(device), seconds_(seconds) {}

  std::vector<KernelSpeed> all() {
    group_norms();
    guidance();
    pixels();
    return speeds_;
  }

 private:
  static constexpr bool kHalf = std::is_same_v<T, std::uint16_t>;
  static constexpr auto kType = kHalf ? torch::kBFloat16 : torch::kFloat32;

  template <class Launch>
  void measure(const char* kernel, double bytes, const Launch& launch) {
    const double best = fastest_run([&] { run_on(device_, launch); }, seconds_);
    speeds_.push_back({kernel, kHalf ? "bfloat16" : "float32", bytes, best});
  }
  Tensor values(at::IntArrayRef shape, torch::Dtype type = kType) const {
    return torch::ones(shape, torch::device(device_).dtype(type));
  }
  template <class V>
  static V* data(const Tensor& tensor) {
    return static_cast<V*>(tensor.data_ptr());
  }

  // 32x32 places, 128 channels in groups of 16, modulated, as the U-Net's finest blocks have them.
  void group_norms() {
    constexpr std::int64_t places = 1024, channels = 128;
    const std::int64_t batch = kBytes / (places * channels * static_cast<std::int64_t>(sizeof(T)));
    const Tensor x = values({batch, places, channels}), y = values({batch, places, channels}),
                 result = torch::empty_like(x);
    const Tensor weight = values({channels}, torch::kFloat32),
                 modulation = values({batch, 2 * channels}, torch::kFloat32);
    const Tensor made = values({6, batch, channels}, torch::kFloat32);
    const auto part = [&](std::int64_t i) { return data<float>(made[i]); };
    const GroupNormShape shape{batch, places, channels, 16, true};
    const double bytes = static_cast<double>(x.nbytes());
    const GroupNormForward<T> forward{
        shape,   data<T>(x), data<float>(weight), data<float>(weight), data<float>(modulation), part(0), part(1),
        part(2), part(3),    data<T>(y)};
    measure("group norm, modulation, ReLU", 2 * bytes, [&](auto where) { return group_norm(forward, where); });
    const GroupNormBackward<T> backward{
        shape,   data<T>(x), data<T>(y), data<float>(weight), data<float>(modulation), part(0), part(1), part(2),
        part(3), part(4),    part(5),    data<T>(result)};
    measure("the same, backward", 3 * bytes, [&](auto where) { return group_norm(backward, where); });
  }

  // Three branches, Euler's step.
  void guidance() {
    constexpr int branches = 3;
    const std::int64_t count = kBytes / static_cast<std::int64_t>(sizeof(float));
    const Tensor x = values({count}, torch::kFloat32), made = torch::empty_like(x), clean = values({branches, count});
    GuidedUpdate<T> update{};
    update.count = count;
    update.step = {0.5F, 0, 0.5F};
    update.x = data<float>(x);
    update.clean = data<T>(clean);
    update.branches = branches;
    std::fill_n(update.factors, branches, 1.0F);
    update.made = data<float>(made);
    measure("guidance of 3 branches, step", static_cast<double>(2 * x.nbytes() + clean.nbytes()),
            [&](auto where) { return guided_update(update, where); });
  }

  void pixels() {
    const Tensor bytes = values({kBytes / 2}, torch::kUInt8), units = values({kBytes / 2});
    const std::int64_t count = bytes.numel();
    const auto moved = static_cast<double>(bytes.nbytes() + units.nbytes());
    measure("pixels to values", moved,
            [&](auto where) { return to_units(data<std::uint8_t>(bytes), count, data<T>(units), where); });
    measure("values to pixels", moved, [&](auto where) {
      return to_pixels(static_cast<const T*>(data<T>(units)), count, data<std::uint8_t>(bytes), where);
    });
  }

  c10::Device device_;
  double seconds_;
  std::vector<KernelSpeed> speeds_;
};

double copy_rate(c10::Device device, double seconds) {
  const Tensor from = torch::ones({kBytes}, torch::device(device).dtype(torch::kUInt8)), to = torch::empty_like(from);
  const auto copy = [&] {
    to.copy_(from);
    if (device.is_cuda()) torch::cuda::synchronize(device.index());
  };
  return 2 * static_cast<double>(kBytes) / fastest_run(copy, seconds);
}

}  // namespace

KernelSpeeds measure_kernels(c10::Device device, double seconds) {
  const torch::NoGradGuard no_grad;
  KernelSpeeds speeds{copy_rate(device, seconds), Measurement<float>(device, seconds).all()};
  const std::vector<KernelSpeed> half = Measurement<std::uint16_t>(device, seconds).all();
  speeds.kernels.insert(speeds.kernels.end(), half.begin(), half.end());
  return speeds;
}

nlohmann::ordered_json to_json(const KernelSpeeds& speeds) {
  nlohmann::ordered_json json{{"copy", speeds.copy}, {"kernels", nlohmann::ordered_json::array()}};
  for (const KernelSpeed& speed : speeds.kernels)
    json["kernels"].push_back({{"kernel", speed.kernel},
                               {"type", speed.type},
                               {"bytes", speed.bytes},
                               {"seconds", speed.seconds},
                               {"of_copy", speed.rate() / speeds.copy}});
  return json;
}

std::string to_text(const KernelSpeeds& speeds) {
  char line[128];
  std::snprintf(line, sizeof line, "%-30s  %-8s  %7s  %s\n%-30s  %-8s  %7.1f\n", "kernel", "type", "GB/s",
                "of a copy's", "copy", "", speeds.copy / 1e9);
  std::string text = line;
  for (const KernelSpeed& speed : speeds.kernels) {
    std::snprintf(line, sizeof line, "%-30s  %-8s  %7.1f  %3.0f %%\n", speed.kernel.c_str(), speed.type.c_str(),
                  speed.rate() / 1e9, 100 * speed.rate() / speeds.copy);
    text += line;
  }
  return text;
}

}  // namespace cigli
