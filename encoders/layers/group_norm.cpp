#include "encoders/layers/group_norm.h"

#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "encoders/layers/group_norm_kernel.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;
using torch::autograd::AutogradContext;

namespace {

constexpr double kEpsilon = 1e-5;

Tensor as_floats(const Tensor& values) { return values.to(torch::kFloat32).contiguous(); }

// Per sample and channel [B,C] float32, what turns x into the output: scale x + shift; and the group's statistics.
struct Affine {
  Tensor scale, shift, mean, inverse;  // `inverse` = 1 / standard deviation
};

template <class T>
const T* data(const Tensor& values) {
  return static_cast<const T*>(values.data_ptr());
}

// Calls body(first, last) for ranges of samples, in parallel.
template <class Body>
void for_samples(const Tensor& x, const Body& body) {
  at::parallel_for(0, x.size(0), 1, body);
}

template <class T>
GroupNormKernel<T> kernel_for(const Tensor& x, bool relu) {
  return {x.size(2) * x.size(3), x.size(1), relu};
}

// `weight` and `bias` [C], `modulation` [B,2C] or undefined, all float32.
template <class T>
Affine measure(const Tensor& x, std::int64_t groups, const Tensor& weight, const Tensor& bias,
               const Tensor& modulation) {
  const GroupNormKernel<T> kernel = kernel_for<T>(x, false);
  const std::int64_t channels = kernel.channels, group = channels / groups, sample = kernel.places * channels;
  const double places = static_cast<double>(kernel.places);
  const Tensor like = torch::empty({x.size(0), channels}, torch::kFloat32);
  Affine affine{like, torch::empty_like(like), torch::empty_like(like), torch::empty_like(like)};
  for_samples(x, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> first(channels), sum(channels), squares(channels);
    for (std::int64_t b = begin; b < end; ++b) {
      kernel.moments(data<T>(x) + b * sample, first.data(), sum.data(), squares.data());
      const auto of = [&](const Tensor& values) { return values.data_ptr<float>() + b * channels; };
      for (std::int64_t g = 0; g < channels; g += group) {
        // Chan's rule: the group's variance from those of its channels and the spread of their means.
        double mean = 0, spread = 0;
        for (std::int64_t c = g; c < g + group; ++c) mean += first[c] + sum[c] / places;
        mean /= static_cast<double>(group);
        for (std::int64_t c = g; c < g + group; ++c) {
          const double own = first[c] + sum[c] / places - mean;
          spread += squares[c] - sum[c] * (sum[c] / places) + places * own * own;
        }
        const double variance = std::max(0.0, spread / (places * static_cast<double>(group)));
        const double inverse = spread == spread ? 1 / std::sqrt(variance + kEpsilon) : spread;  // NaN stays NaN
        for (std::int64_t c = g; c < g + group; ++c) {
          const float* film = modulation.defined() ? modulation.data_ptr<float>() + b * 2 * channels : nullptr;
          const double gain = film ? 1.0 + film[c] : 1.0, offset = film ? film[channels + c] : 0.0;
          const double scale = inverse * weight.data_ptr<float>()[c];
          of(affine.scale)[c] = static_cast<float>(scale * gain);
          of(affine.shift)[c] = static_cast<float>((bias.data_ptr<float>()[c] - mean * scale) * gain + offset);
          of(affine.mean)[c] = static_cast<float>(mean);
          of(affine.inverse)[c] = static_cast<float>(inverse);
        }
      }
    }
  });
  return affine;
}

template <class T>
Tensor normalise(const Tensor& x, const Affine& affine, bool relu) {
  const GroupNormKernel<T> kernel = kernel_for<T>(x, relu);
  const std::int64_t sample = kernel.places * kernel.channels;
  Tensor y = torch::empty_like(x);
  for_samples(x, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b)
      kernel.forward(data<T>(x) + b * sample, data<float>(affine.scale) + b * kernel.channels,
                     data<float>(affine.shift) + b * kernel.channels, static_cast<T*>(y.data_ptr()) + b * sample);
  });
  return y;
}

struct Gradients {
  Tensor x;             // [B,C,H,W]
  Tensor sum, product;  // [B,C] float32: of the gradient g before the activation, and of g times the normalised x
};

// With k = weight (1 + s): dx = inverse (g k - mean(g k) - xhat mean(g k xhat)), the means over a group.
template <class T>
Gradients differentiate(const Tensor& x, const Tensor& gradient, std::int64_t groups, const Tensor& weight,
                        const Tensor& modulation, const Affine& affine, bool relu) {
  const GroupNormKernel<T> kernel = kernel_for<T>(x, relu);
  const std::int64_t channels = kernel.channels, group = channels / groups, sample = kernel.places * channels;
  const double count = static_cast<double>(kernel.places * group);
  Gradients result{torch::empty_like(x), torch::empty_like(affine.mean), torch::empty_like(affine.mean)};
  for_samples(x, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> a(channels), b(channels), c(channels);
    for (std::int64_t n = begin; n < end; ++n) {
      const auto of = [&](const Tensor& values) { return values.data_ptr<float>() + n * channels; };
      const float *scale = of(affine.scale), *shift = of(affine.shift), *mean = of(affine.mean);
      float *sum = of(result.sum), *product = of(result.product);
      kernel.sums(data<T>(x) + n * sample, data<T>(gradient) + n * sample, scale, shift, mean, sum, product);
      for (std::int64_t g = 0; g < channels; g += group) {
        const double inverse = of(affine.inverse)[g];
        double mean_gradient = 0, mean_product = 0;
        for (std::int64_t i = g; i < g + group; ++i) {
          product[i] = static_cast<float>(product[i] * inverse);
          const double film = modulation.defined() ? modulation.data_ptr<float>()[n * 2 * channels + i] : 0.0;
          a[i] = static_cast<float>(weight.data_ptr<float>()[i] * (1 + film));
          mean_gradient += static_cast<double>(a[i]) * sum[i];
          mean_product += static_cast<double>(a[i]) * product[i];
        }
        mean_gradient /= count;
        mean_product /= count;
        for (std::int64_t i = g; i < g + group; ++i) {
          a[i] = static_cast<float>(a[i] * inverse);
          b[i] = static_cast<float>(-inverse * inverse * mean_product);
          c[i] = static_cast<float>(inverse * (inverse * mean_product * mean[i] - mean_gradient));
        }
      }
      kernel.backward(data<T>(x) + n * sample, data<T>(gradient) + n * sample, scale, shift, a.data(), b.data(),
                      c.data(), static_cast<T*>(result.x.data_ptr()) + n * sample);
    }
  });
  return result;
}

// Modulation of no elements stands for none, which autograd functions can't be given otherwise.
struct FusedGroupNorm : torch::autograd::Function<FusedGroupNorm> {
  static Tensor forward(AutogradContext* context, const Tensor& x, std::int64_t groups, const Tensor& weight,
                        const Tensor& bias, const Tensor& modulation, bool relu) {
    RECORD_FUNCTION("cigli::group_norm", std::vector<c10::IValue>({x}));  // for `cigli tax`: it is no operator
    const Tensor film = modulation.numel() > 0 ? as_floats(modulation) : Tensor();
    const bool wide = x.scalar_type() == torch::kFloat32;
    const Affine affine = wide ? measure<float>(x, groups, as_floats(weight), as_floats(bias), film)
                               : measure<std::uint16_t>(x, groups, as_floats(weight), as_floats(bias), film);
    context->save_for_backward({x, weight, bias, modulation, affine.scale, affine.shift, affine.mean, affine.inverse});
    context->saved_data["groups"] = groups;
    context->saved_data["relu"] = relu;
    return wide ? normalise<float>(x, affine, relu) : normalise<std::uint16_t>(x, affine, relu);
  }

  static torch::autograd::variable_list backward(AutogradContext* context, torch::autograd::variable_list outputs) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "the fused group norm can't be differentiated twice");
    const torch::autograd::variable_list saved = context->get_saved_variables();
    RECORD_FUNCTION("cigli::group_norm_backward", std::vector<c10::IValue>({saved[0]}));
    const Tensor &x = saved[0], &weight = saved[1], &bias = saved[2], &modulation = saved[3];
    const Affine affine{saved[4], saved[5], saved[6], saved[7]};
    const std::int64_t groups = context->saved_data["groups"].toInt();
    const bool relu = context->saved_data["relu"].toBool();
    const Tensor gradient = outputs[0].to(x.scalar_type()).contiguous(torch::MemoryFormat::ChannelsLast);
    const Tensor w = as_floats(weight), film = modulation.numel() > 0 ? as_floats(modulation) : Tensor();
    const Gradients g = x.scalar_type() == torch::kFloat32
                            ? differentiate<float>(x, gradient, groups, w, film, affine, relu)
                            : differentiate<std::uint16_t>(x, gradient, groups, w, film, affine, relu);
    const auto parameter = [&](const Tensor& each) {
      const Tensor gained = film.defined() ? each * (film.slice(1, 0, x.size(1)) + 1) : each;
      return gained.sum(0).to(weight.scalar_type());
    };
    Tensor modulation_gradient;
    if (film.defined())
      modulation_gradient =
          torch::cat({g.product * w + g.sum * as_floats(bias), g.sum}, 1).to(modulation.scalar_type());
    return {g.x, Tensor(), parameter(g.product), parameter(g.sum), modulation_gradient, Tensor()};
  }
};

}  // namespace

Tensor compose_group_norm(const Tensor& x, std::int64_t groups, const Tensor& weight, const Tensor& bias,
                          const Tensor& modulation, bool relu) {
  Tensor y = torch::group_norm(x, groups, weight, bias, kEpsilon);
  if (modulation.defined()) {
    const std::vector<Tensor> parts = modulation.unsqueeze(-1).unsqueeze(-1).chunk(2, 1);
    y = torch::addcmul(parts[1], y, parts[0] + 1);
  }
  return relu ? torch::relu(y) : y;
}

AdaptiveGroupNormImpl::AdaptiveGroupNormImpl(std::int64_t channels, std::int64_t group, bool relu)
    : groups(channels / group),
      relu(relu),
      weight(register_parameter("weight", torch::ones({channels}))),
      bias(register_parameter("bias", torch::zeros({channels}))) {
  TORCH_CHECK(channels % group == 0, channels, " channels can't be normalised in groups of ", group);
}

Tensor AdaptiveGroupNormImpl::forward(const Tensor& x, const Tensor& modulation) {
  TORCH_CHECK(x.dim() == 4 && x.size(1) == weight.size(0) && x.size(2) * x.size(3) > 0, "expected [B,", weight.size(0),
              ",H,W] with H W > 0; got ", x.sizes());
  TORCH_CHECK(!modulation.defined() || modulation.sizes() == torch::IntArrayRef({x.size(0), 2 * x.size(1)}),
              "expected a modulation [", x.size(0), ",", 2 * x.size(1), "]; got ", modulation.sizes());
  const bool fused = x.device().is_cpu() && x.size(1) % 16 == 0 && x.scalar_type() == weight.scalar_type() &&
                     (x.scalar_type() == torch::kFloat32 || x.scalar_type() == torch::kBFloat16);
  if (!fused) return compose_group_norm(x, groups, weight, bias, modulation, relu);
#pragma GCC diagnostic push
// GCC 14 sees faults in LibTorch 2.6's own std::vector<bool>.
#pragma GCC diagnostic ignored "-Warray-bounds"
#pragma GCC diagnostic ignored "-Wstringop-overflow"
  return FusedGroupNorm::apply(x.contiguous(torch::MemoryFormat::ChannelsLast), groups, weight, bias,
                               modulation.defined() ? modulation : torch::empty({0}), relu);
#pragma GCC diagnostic pop
}

}  // namespace cigli
