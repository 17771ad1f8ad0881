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

std::int64_t winograd_tile(std::int64_t height, std::int64_t width) { return std::min(height, width) < 8 ? 2 : 4; }

bool winograd_fits(const Tensor& x, const Tensor& weight) {
  const auto plain = [](const Tensor& values) {
    return values.device().is_cpu() && values.scalar_type() == torch::kFloat32 && values.dim() == 4;
  };
  return plain(x) && plain(weight) && weight.size(0) % WinogradKernel::panel == 0 &&
         weight.size(1) % WinogradKernel::panel == 0;
}

WinogradFilter::WinogradFilter(const Tensor& weight, std::int64_t tile)
    : inputs_(weight.size(1)), outputs_(weight.size(0)), tile_(tile) {
  constexpr std::int64_t panel = WinogradKernel::panel;
  TORCH_CHECK(
      weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3 && inputs_ % panel == 0 && outputs_ % panel == 0,
      "Winograd filters are of weights [K,C,3,3] with K and C multiples of 16; got ", weight.sizes());
  TORCH_CHECK(tile == 2 || tile == 4, "Winograd's tiles have 2 or 4 outputs across, not ", tile);
  const WinogradKernel kernel{0, 0, inputs_, outputs_, tile};
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
  const WinogradKernel kernel{x.size(2), x.size(3), inputs_, outputs_, tile_};
  const std::int64_t places = kernel.places();
  const std::int64_t most_tiles = tile_ == 2 ? 32 : 12;  // at once: their transforms stay in the second cache
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
  // Tiles at once, as many as make it worth to read and write the sums; sums made apart, however many threads there
  // are.
  constexpr std::int64_t each = 128, most_sums = 8;
  const std::int64_t inputs = x.size(1), outputs = gradient.size(1), pixels = x.size(2) * x.size(3);
  TORCH_CHECK(inputs % panel == 0 && outputs % panel == 0 && x.size(0) == gradient.size(0) &&
                  gradient.size(2) == x.size(2) && gradient.size(3) == x.size(3),
              "expected x [B,C,H,W] and a gradient [B,K,H,W] with C and K multiples of 16; got ", x.sizes(), " and ",
              gradient.sizes());
  const WinogradKernel kernel{x.size(2), x.size(3), inputs, outputs, winograd_tile(x.size(2), x.size(3))};
  const std::int64_t places = kernel.places();
  const Tensor in = x.contiguous(torch::MemoryFormat::ChannelsLast);
  const Tensor out = gradient.contiguous(torch::MemoryFormat::ChannelsLast);
  const float *const from = in.data_ptr<float>(), *const slopes = out.data_ptr<float>();
  const std::int64_t image_tiles = kernel.tiles(), tiles = x.size(0) * image_tiles;
  const std::int64_t blocks = (tiles + each - 1) / each, sums = std::min(blocks, most_sums);
  const Tensor all = torch::zeros({sums, places, inputs, outputs});
  float* const apart = all.data_ptr<float>();  // [sums][places][C][K]
  at::parallel_for(0, sums, 1, [&](std::int64_t begin, std::int64_t end) {
    thread_local std::vector<float> input_buffer, gradient_buffer;
    for (std::int64_t i = begin; i < end; ++i)
      for (std::int64_t block = i * blocks / sums; block < (i + 1) * blocks / sums; ++block) {
        const std::int64_t first = block * each, count = std::min(each, tiles - first);
        float* const v = room(input_buffer, places * count * inputs);
        float* const w = room(gradient_buffer, places * count * outputs);
        for (std::int64_t t = 0; t < count; ++t) {
          const std::int64_t image = (first + t) / image_tiles, tile = (first + t) % image_tiles;
          kernel.transform_input(from + image * pixels * inputs, tile, v + t * inputs, count * inputs);
          kernel.transform_gradient(slopes + image * pixels * outputs, tile, w + t * outputs, count * outputs);
        }
        kernel.accumulate(v, w, count, apart + i * places * inputs * outputs);
      }
  });

  const Tensor sum = all.sum(0);
  const float* const products = sum.data_ptr<float>();
  Tensor weight = torch::empty({outputs, inputs, 3, 3}, in.options().memory_format(torch::MemoryFormat::ChannelsLast));
  float* const to = weight.data_ptr<float>();
  at::parallel_for(0, inputs, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) kernel.filter_gradient(products, c, to);
  });
  return weight;
}

namespace {

struct FilteredConvolution : torch::autograd::Function<FilteredConvolution> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const Tensor& bias) {
    RECORD_FUNCTION("cigli::convolution", std::vector<c10::IValue>({x, weight, bias}));
    context->save_for_backward({x, weight});
    return WinogradFilter(weight, winograd_tile(x.size(2), x.size(3))).convolve(x, bias);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list outputs) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1];
    const Tensor gradient = outputs[0].contiguous(torch::MemoryFormat::ChannelsLast);
    const Tensor back = weight.flip({2, 3}).transpose(0, 1);
    const Tensor of_bias = gradient.sum({0, 2, 3});  // [K]
    if (torch::GradMode::is_enabled())               // to be differentiated again
      return {torch::conv2d(gradient, back, {}, 1, 1),
              torch::conv2d(x.transpose(0, 1), gradient.transpose(0, 1), {}, 1, 1).transpose(0, 1), of_bias};
    RECORD_FUNCTION("cigli::convolution_backward", std::vector<c10::IValue>({x, weight, gradient}));
    Tensor of_x, of_weight;
    if (x.requires_grad()) {
      const WinogradFilter filter(back, winograd_tile(x.size(2), x.size(3)));
      of_x = filter.convolve(gradient, torch::zeros({x.size(1)}));
    }
    if (weight.requires_grad()) of_weight = winograd_weight_gradient(x, gradient);
    return {of_x, of_weight, of_bias};
  }
};

}  // namespace

Tensor winograd_convolution(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return FilteredConvolution::apply(x, weight, bias);
}

}  // namespace cigli
