#include "encoders/layers/group_norm.h"

#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <cmath>
#include <numeric>
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

// Neighbouring channels of one sample.
struct Piece {
  std::int64_t sample, first, count;
};

// Calls body(piece) for pieces that make up x [B,C,H,W], in parallel: whole groups each, and whole vectors of the
// kernel. Samples are divided only where there are fewer of them than threads.
template <class Body>
void for_pieces(const Tensor& x, std::int64_t groups, const Body& body) {
  constexpr std::int64_t worthwhile = 8192;  // values: starting a thread costs as much as some thousands take
  const std::int64_t batch = x.size(0), channels = x.size(1), unit = std::lcm(channels / groups, std::int64_t{16});
  const std::int64_t threads = std::min<std::int64_t>(at::get_num_threads(), x.numel() / worthwhile);
  const std::int64_t wanted = std::clamp((threads + batch - 1) / batch, std::int64_t{1}, channels / unit);
  const std::int64_t count = (channels / unit + wanted - 1) / wanted * unit, pieces = (channels + count - 1) / count;
  at::parallel_for(0, batch * pieces, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % pieces * count;
      body(Piece{i / pieces, first, std::min(count, channels - first)});
    }
  });
}

template <class T>
GroupNormKernel<T> kernel_for(const Tensor& x, const Piece& piece, bool relu) {
  return {x.size(2) * x.size(3), x.size(1), piece.count, relu};
}

// Where a piece begins in x and in what is given a sample and channel.
struct Offsets {
  Offsets(const Tensor& x, const Piece& piece)
      : values(piece.sample * x.size(1) * x.size(2) * x.size(3) + piece.first),
        channels(piece.sample * x.size(1) + piece.first) {}
  std::int64_t values, channels;
};

// `weight` and `bias` [C], `modulation` [B,2C] or undefined, all float32.
template <class T>
Tensor normalise(const Tensor& x, std::int64_t groups, const Tensor& weight, const Tensor& bias,
                 const Tensor& modulation, bool relu, Affine& affine) {
  const std::int64_t channels = x.size(1), group = channels / groups;
  const double places = static_cast<double>(x.size(2) * x.size(3));
  Tensor y = torch::empty_like(x);
  for_pieces(x, groups, [&](const Piece& piece) {
    const GroupNormKernel<T> kernel = kernel_for<T>(x, piece, relu);
    const Offsets at(x, piece);
    std::vector<float> first(piece.count), sum(piece.count), squares(piece.count);
    kernel.moments(data<T>(x) + at.values, first.data(), sum.data(), squares.data());
    const auto of = [&](const Tensor& values) { return values.data_ptr<float>() + at.channels; };
    float *scales = of(affine.scale), *shifts = of(affine.shift), *means = of(affine.mean),
          *inverses = of(affine.inverse);
    const float *weights = data<float>(weight) + piece.first, *biases = data<float>(bias) + piece.first;
    const float* film =
        modulation.defined() ? data<float>(modulation) + piece.sample * 2 * channels + piece.first : nullptr;
    for (std::int64_t g = 0; g < piece.count; g += group) {
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
        const double gain = film ? 1.0 + film[c] : 1.0, offset = film ? film[channels + c] : 0.0;
        const double scale = inverse * weights[c];
        scales[c] = static_cast<float>(scale * gain);
        shifts[c] = static_cast<float>((biases[c] - mean * scale) * gain + offset);
        means[c] = static_cast<float>(mean);
        inverses[c] = static_cast<float>(inverse);
      }
    }
    kernel.forward(data<T>(x) + at.values, scales, shifts, static_cast<T*>(y.data_ptr()) + at.values);
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
  const std::int64_t channels = x.size(1), group = channels / groups;
  const double count = static_cast<double>(x.size(2) * x.size(3) * group);
  Gradients result{torch::empty_like(x), torch::empty_like(affine.mean), torch::empty_like(affine.mean)};
  for_pieces(x, groups, [&](const Piece& piece) {
    const GroupNormKernel<T> kernel = kernel_for<T>(x, piece, relu);
    const Offsets at(x, piece);
    std::vector<float> a(piece.count), b(piece.count), c(piece.count);
    const auto of = [&](const Tensor& values) { return values.data_ptr<float>() + at.channels; };
    const float *scale = of(affine.scale), *shift = of(affine.shift), *mean = of(affine.mean);
    const float* weights = data<float>(weight) + piece.first;
    const float* film =
        modulation.defined() ? data<float>(modulation) + piece.sample * 2 * channels + piece.first : nullptr;
    float *sum = of(result.sum), *product = of(result.product);
    kernel.sums(data<T>(x) + at.values, data<T>(gradient) + at.values, scale, shift, mean, sum, product);
    for (std::int64_t g = 0; g < piece.count; g += group) {
      const double inverse = of(affine.inverse)[g];
      double mean_gradient = 0, mean_product = 0;
      for (std::int64_t i = g; i < g + group; ++i) {
        product[i] = static_cast<float>(product[i] * inverse);
        a[i] = static_cast<float>(weights[i] * (1 + (film ? static_cast<double>(film[i]) : 0.0)));
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
    kernel.backward(data<T>(x) + at.values, data<T>(gradient) + at.values, scale, shift, a.data(), b.data(), c.data(),
                    static_cast<T*>(result.x.data_ptr()) + at.values);
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
    const auto per_channel = [&] { return torch::empty({x.size(0), x.size(1)}, torch::kFloat32); };
    Affine affine{per_channel(), per_channel(), per_channel(), per_channel()};
    const Tensor w = as_floats(weight), b = as_floats(bias);
    const Tensor y = wide ? normalise<float>(x, groups, w, b, film, relu, affine)
                          : normalise<std::uint16_t>(x, groups, w, b, film, relu, affine);
    context->save_for_backward({x, weight, bias, modulation, affine.scale, affine.shift, affine.mean, affine.inverse});
    context->saved_data["groups"] = groups;
    context->saved_data["relu"] = relu;
    return y;
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
