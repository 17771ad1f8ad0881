#include "encoders/layers/winograd.h"

#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include <algorithm>

#include "encoders/layers/winograd_kernel.h"

namespace cigli {

using torch::Tensor;

namespace {

// Room for so many values, whatever they are.
float* room(std::vector<float>& buffer, std::int64_t values) {
  if (buffer.size() < static_cast<std::size_t>(values)) buffer.resize(static_cast<std::size_t>(values));
  return buffer.data();
}

}  // namespace

std::int64_t winograd_side(std::int64_t height, std::int64_t width) { return std::min(height, width) < 8 ? 2 : 4; }

bool winograd_fits(const Tensor& x, const Tensor& weight) {
  const auto plain = [](const Tensor& values) {
    return values.device().is_cpu() && values.scalar_type() == torch::kFloat32 && values.dim() == 4;
  };
  return plain(x) && plain(weight) && weight.size(0) % WinogradKernel::panel == 0 &&
         weight.size(1) % WinogradKernel::panel == 0;
}

WinogradFilter::WinogradFilter(const Tensor& weight, std::int64_t side)
    : inputs_(weight.size(1)), outputs_(weight.size(0)), side_(side) {
  constexpr std::int64_t panel = WinogradKernel::panel;
  TORCH_CHECK(
      weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3 && inputs_ % panel == 0 && outputs_ % panel == 0,
      "Winograd filters are of weights [K,C,3,3] with K and C multiples of 16; got ", weight.sizes());
  TORCH_CHECK(side == 2 || side == 4, "a side of Winograd's tiles has 2 or 4 outputs, not ", side);
  const WinogradKernel kernel{0, 0, inputs_, outputs_, side};
  filters_.resize(static_cast<std::size_t>(kernel.places() * outputs_ * inputs_));
  const float* const weights = weight.data_ptr<float>();
  const WinogradKernel::Strides strides{weight.stride(0), weight.stride(1), weight.stride(2), weight.stride(3)};
  at::parallel_for(0, outputs_ / panel, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) kernel.transform_filters(weights, strides, p, filters_.data());
  });
}

Tensor WinogradFilter::convolve(const Tensor& x, const Tensor& bias) const {
  TORCH_CHECK(x.dim() == 4 && x.size(1) == inputs_ && x.scalar_type() == torch::kFloat32 && bias.numel() == outputs_,
              "expected [B,", inputs_, ",H,W] float32 and a bias of ", outputs_, "; got ", x.sizes(), " ",
              x.scalar_type(), " and ", bias.sizes());
  constexpr std::int64_t panel = WinogradKernel::panel;
  const WinogradKernel kernel{x.size(2), x.size(3), inputs_, outputs_, side_};
  const std::int64_t places = kernel.places();
  const std::int64_t most_tiles = side_ == 2 ? 32 : 12;  // at once: their transforms stay in the second cache
  const Tensor in = x.contiguous(torch::MemoryFormat::ChannelsLast), offsets = bias.contiguous();
  Tensor y = torch::empty({x.size(0), outputs_, x.size(2), x.size(3)},
                          x.options().memory_format(torch::MemoryFormat::ChannelsLast));
  const std::int64_t image_tiles = kernel.tiles(), tiles = x.size(0) * image_tiles;
  if (tiles == 0) return y;
  const std::int64_t threads = at::get_num_threads(), panels = outputs_ / panel;
  // As many blocks as keep all threads busy to the end.
  const std::int64_t least = (tiles + most_tiles - 1) / most_tiles;
  const std::int64_t even = least == 1 ? 1 : (least + threads - 1) / threads * threads;
  const std::int64_t each = std::max((tiles + even - 1) / even, std::min(tiles, std::int64_t{8}));
  const std::int64_t blocks = (tiles + each - 1) / each;
  // Where there are too few tiles for all threads, these share the outputs.
  const std::int64_t parts = blocks >= threads ? 1 : std::min((threads + blocks - 1) / blocks, panels);
  const float *const from = in.data_ptr<float>(), *const add = offsets.data_ptr<float>();
  float* const to = y.data_ptr<float>();
  const std::int64_t pixels = x.size(2) * x.size(3);

  at::parallel_for(0, blocks * parts, 1, [&](std::int64_t begin, std::int64_t end) {
    thread_local std::vector<float> inputs, products;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i / parts * each, count = std::min(each, tiles - first), part = i % parts;
      const std::int64_t first_panel = part * panels / parts, own = (part + 1) * panels / parts - first_panel;
      float* const v = room(inputs, places * count * inputs_);
      float* const m = room(products, places * count * own * panel);
      for (std::int64_t t = 0; t < count; ++t)
        kernel.transform_input(from + (first + t) / image_tiles * pixels * inputs_, (first + t) % image_tiles,
                               v + t * inputs_, count * inputs_);
      kernel.multiply(v, filters_.data() + first_panel * inputs_ * panel, count, own, m);
      for (std::int64_t t = 0; t < count; ++t)
        kernel.transform_output(m + t * own * panel, count * own * panel, own, add + first_panel * panel,
                                (first + t) % image_tiles,
                                to + (first + t) / image_tiles * pixels * outputs_ + first_panel * panel);
    }
  });
  return y;
}

Tensor winograd_weight_gradient(const Tensor& x, const Tensor& gradient) {
  constexpr std::int64_t panel = WinogradKernel::panel;
  // Tiles at once: as many as make it worth to read and write the sums, as few as keep their transforms in the last
  // cache.
  constexpr std::int64_t most_tiles = 256;
  const std::int64_t inputs = x.size(1), outputs = gradient.size(1), pixels = x.size(2) * x.size(3);
  TORCH_CHECK(inputs % panel == 0 && outputs % panel == 0 && x.size(0) == gradient.size(0) &&
                  gradient.size(2) == x.size(2) && gradient.size(3) == x.size(3),
              "expected x [B,C,H,W] and a gradient [B,K,H,W] with C and K multiples of 16; got ", x.sizes(), " and ",
              gradient.sizes());
  const WinogradKernel kernel{x.size(2), x.size(3), inputs, outputs, winograd_side(x.size(2), x.size(3))};
  const std::int64_t places = kernel.places();
  const Tensor in = x.contiguous(torch::MemoryFormat::ChannelsLast);
  const Tensor out = gradient.contiguous(torch::MemoryFormat::ChannelsLast);
  const float *const from = in.data_ptr<float>(), *const slopes = out.data_ptr<float>();
  const std::int64_t image_tiles = kernel.tiles(), tiles = x.size(0) * image_tiles;
  const Tensor sums = torch::zeros({places, inputs, outputs});
  float* const products = sums.data_ptr<float>();
  thread_local std::vector<float> input_buffer, gradient_buffer;
  for (std::int64_t first = 0; first < tiles; first += most_tiles) {
    const std::int64_t count = std::min(most_tiles, tiles - first);
    float* const v = room(input_buffer, places * count * inputs);
    float* const w = room(gradient_buffer, places * count * outputs);
    at::parallel_for(0, count, 8, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) {
        const std::int64_t image = (first + t) / image_tiles, tile = (first + t) % image_tiles;
        kernel.transform_input(from + image * pixels * inputs, tile, v + t * inputs, count * inputs);
        kernel.transform_gradient(slopes + image * pixels * outputs, tile, w + t * outputs, count * outputs);
      }
    });
    at::parallel_for(0, places, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t place = begin; place < end; ++place)
        kernel.accumulate(v + place * count * inputs, w + place * count * outputs, count,
                          products + place * inputs * outputs);
    });
  }

  Tensor weight = torch::empty({outputs, inputs, 3, 3}, in.options().memory_format(torch::MemoryFormat::ChannelsLast));
  float* const to = weight.data_ptr<float>();
  at::parallel_for(0, inputs, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) kernel.filter_gradient(products, c, to);
  });
  return weight;
}

namespace {

struct DifferentiableConvolution : torch::autograd::Function<DifferentiableConvolution> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const Tensor& bias) {
    RECORD_FUNCTION("cigli::convolution", std::vector<c10::IValue>({x, weight, bias}));  // for `cigli tax`
    context->save_for_backward({x, weight});
    return WinogradFilter(weight, winograd_side(x.size(2), x.size(3))).convolve(x, bias);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list outputs) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1];
    const bool by_x = context->needs_input_grad(0), by_weight = context->needs_input_grad(1);
    const Tensor gradient = outputs[0].contiguous(torch::MemoryFormat::ChannelsLast);
    const Tensor back = weight.flip({2, 3}).transpose(0, 1);
    Tensor of_x, of_weight, of_bias;
    if (context->needs_input_grad(2)) of_bias = gradient.sum({0, 2, 3});  // [K]
    if (torch::GradMode::is_enabled()) {                                  // to be differentiated again
      if (by_x) of_x = torch::conv2d(gradient, back, {}, 1, 1);
      if (by_weight) of_weight = torch::conv2d(x.transpose(0, 1), gradient.transpose(0, 1), {}, 1, 1).transpose(0, 1);
      return {of_x, of_weight, of_bias};
    }
    RECORD_FUNCTION("cigli::convolution_backward", std::vector<c10::IValue>({x, weight, gradient, by_x, by_weight}));
    if (by_x) {
      const WinogradFilter filter(back, winograd_side(x.size(2), x.size(3)));
      of_x = filter.convolve(gradient, torch::zeros({x.size(1)}));
    }
    if (by_weight) of_weight = winograd_weight_gradient(x, gradient);
    return {of_x, of_weight, of_bias};
  }
};

}  // namespace

Tensor winograd_convolution(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return DifferentiableConvolution::apply(x, weight, bias);
}

Tensor WinogradConvolution::operator()(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (torch::GradMode::is_enabled()) {
    filter_.reset();
    return winograd_convolution(x, weight, bias);
  }
  const std::int64_t side = winograd_side(x.size(2), x.size(3));
  if (!filter_ || filter_->side() != side || filtered_.data_ptr() != weight.data_ptr() ||
      version_ != weight._version()) {
    filter_.emplace(weight, side);
    filtered_ = weight.detach();
    version_ = static_cast<std::uint32_t>(weight._version());
  }
  RECORD_FUNCTION("cigli::convolution", std::vector<c10::IValue>({x, weight, bias}));
  return filter_->convolve(x, bias);
}

}  // namespace cigli
