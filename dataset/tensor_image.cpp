#include "dataset/tensor_image.h"

#include <ATen/ATen.h>

#include "decoder/cuda/pixel_kernel.h"

namespace cigli {

torch::Tensor to_tensor(const Image& image) {
  return to_batch({image.pixels.data()}, image.height, image.width)[0].contiguous();
}

Image to_image(const torch::Tensor& tensor) {
  TORCH_CHECK(tensor.dim() == 3 && tensor.size(0) == 3, "to_image expects [3,H,W], got ", tensor.sizes());
  const torch::Tensor hwc = tensor.detach().to(torch::kCPU, torch::kFloat32).permute({1, 2, 0}).contiguous();
  Image image(hwc.size(1), hwc.size(0));
  units_to_pixels(hwc.data_ptr<float>(), hwc.numel(), image.pixels.data());
  return image;
}

torch::Tensor to_batch(const std::vector<const std::uint8_t*>& pixels, std::int64_t height, std::int64_t width,
                       torch::Dtype dtype) {
  TORCH_CHECK(dtype == torch::kFloat32 || dtype == torch::kBFloat16, "to_batch makes float32 or bfloat16, not ", dtype);
  const torch::Tensor batch = at::empty({static_cast<std::int64_t>(pixels.size()), 3, height, width},
                                        at::TensorOptions(dtype).memory_format(at::MemoryFormat::ChannelsLast));
  const std::int64_t count = height * width * 3;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const std::int64_t at = static_cast<std::int64_t>(i) * count;
    if (dtype == torch::kFloat32)
      pixels_to_units(pixels[i], count, batch.data_ptr<float>() + at);
    else
      pixels_to_units(pixels[i], count, static_cast<std::uint16_t*>(batch.data_ptr()) + at);
  }
  return batch;
}

}  // namespace cigli
