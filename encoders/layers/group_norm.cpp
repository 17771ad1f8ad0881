#include "encoders/layers/group_norm.h"

#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include <vector>

#include "decoder/cuda/group_norm_kernel.h"
#include "encoders/layers/group_norm_cuda.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;
using torch::autograd::AutogradContext;

namespace {

constexpr double kEpsilon = 1e-5;

Tensor as_floats(const Tensor& values) { return values.to(torch::kFloat32).contiguous(); }

template <class T>
T* data(const Tensor& values) {
  return values.defined() ? static_cast<T*>(values.data_ptr()) : nullptr;
}

GroupNormShape shape_of(const Tensor& x, std::int64_t groups, bool relu) {
  return {x.size(0), x.size(2) * x.size(3), x.size(1), x.size(1) / groups, relu};
}

bool has_kernel(const Tensor& x, [[maybe_unused]] std::int64_t groups) {
  if (x.scalar_type() != torch::kFloat32 && x.scalar_type() != torch::kBFloat16) return false;
#ifdef CIGLI_CUDA
  if (x.is_cuda()) return x.size(1) / groups <= kLargestGroupOnGpu;
#endif
  return x.is_cpu();
}

template <class Pass>
void compute(const Pass& pass, [[maybe_unused]] const torch::Device& device) {
#ifdef CIGLI_CUDA
  if (device.is_cuda()) return group_norm(pass, device);
#endif
  group_norm(pass, at::get_num_threads());
}

// Per sample and channel [B,C] float32, what GroupNormForward makes of them.
struct Statistics {
  Tensor scale, shift, mean, inverse;
};

// `weight` and `bias` [C], `modulation` [B,2C] or undefined, all float32.
template <class T>
Tensor normalise(const Tensor& x, std::int64_t groups, bool relu, const Tensor& weight, const Tensor& bias,
                 const Tensor& modulation, const Statistics& made) {
  const Tensor y = torch::empty_like(x);
  const GroupNormForward<T> pass{shape_of(x, groups, relu), data<T>(x),
                                 data<float>(weight),       data<float>(bias),
                                 data<float>(modulation),   data<float>(made.scale),
                                 data<float>(made.shift),   data<float>(made.mean),
                                 data<float>(made.inverse), data<T>(y)};
  compute(pass, x.device());
  return y;
}

struct Gradients {
  Tensor x;             // [B,C,H,W]
  Tensor sum, product;  // [B,C] float32
};

template <class T>
Gradients differentiate(const Tensor& x, const Tensor& gradient, std::int64_t groups, bool relu, const Tensor& weight,
                        const Tensor& modulation, const Statistics& made) {
  const Gradients result{torch::empty_like(x), torch::empty_like(made.mean), torch::empty_like(made.mean)};
  const GroupNormBackward<T> pass{shape_of(x, groups, relu),   data<T>(x),
                                  data<T>(gradient),           data<float>(weight),
                                  data<float>(modulation),     data<float>(made.scale),
                                  data<float>(made.shift),     data<float>(made.mean),
                                  data<float>(made.inverse),   data<float>(result.sum),
                                  data<float>(result.product), data<T>(result.x)};
  compute(pass, x.device());
  return result;
}

// Modulation of no elements stands for none, which autograd functions can't be given otherwise.
struct FusedGroupNorm : torch::autograd::Function<FusedGroupNorm> {
  static Tensor forward(AutogradContext* context, const Tensor& x, std::int64_t groups, const Tensor& weight,
                        const Tensor& bias, const Tensor& modulation, bool relu) {
    RECORD_FUNCTION("cigli::group_norm", std::vector<c10::IValue>({x}));  // for `cigli tax`: it is no operator
    const Tensor film = modulation.numel() > 0 ? as_floats(modulation) : Tensor();
    const bool wide = x.scalar_type() == torch::kFloat32;
    const auto per_channel = [&] { return torch::empty({x.size(0), x.size(1)}, x.options().dtype(torch::kFloat32)); };
    const Statistics made{per_channel(), per_channel(), per_channel(), per_channel()};
    const Tensor w = as_floats(weight), b = as_floats(bias);
    const Tensor y = wide ? normalise<float>(x, groups, relu, w, b, film, made)
                          : normalise<std::uint16_t>(x, groups, relu, w, b, film, made);
    context->save_for_backward({x, weight, bias, modulation, made.scale, made.shift, made.mean, made.inverse});
    context->saved_data["groups"] = groups;
    context->saved_data["relu"] = relu;
    return y;
  }

  static torch::autograd::variable_list backward(AutogradContext* context, torch::autograd::variable_list outputs) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "the fused group norm can't be differentiated twice");
    const torch::autograd::variable_list saved = context->get_saved_variables();
    RECORD_FUNCTION("cigli::group_norm_backward", std::vector<c10::IValue>({saved[0]}));
    const Tensor &x = saved[0], &weight = saved[1], &bias = saved[2], &modulation = saved[3];
    const Statistics made{saved[4], saved[5], saved[6], saved[7]};
    const std::int64_t groups = context->saved_data["groups"].toInt();
    const bool relu = context->saved_data["relu"].toBool();
    const Tensor gradient = outputs[0].to(x.scalar_type()).contiguous(torch::MemoryFormat::ChannelsLast);
    const Tensor w = as_floats(weight), film = modulation.numel() > 0 ? as_floats(modulation) : Tensor();
    const Gradients g = x.scalar_type() == torch::kFloat32
                            ? differentiate<float>(x, gradient, groups, relu, w, film, made)
                            : differentiate<std::uint16_t>(x, gradient, groups, relu, w, film, made);
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
  const bool fused = has_kernel(x, groups) && x.numel() > 0 && x.scalar_type() == weight.scalar_type();
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
