#include "dataset/tensor_image.h"

#include <ATen/ATen.h>

#include <array>

namespace cigli {
namespace {

float to_unit(std::uint8_t pixel) { return static_cast<float>(pixel) / 127.5F - 1.0F; }

std::uint8_t to_pixel(float value) {
  const float scaled = (value + 1.0F) * 127.5F + 0.5F;
  if (!(scaled > 0.0F)) return 0;  // NaN as well
  return scaled >= 255.0F ? 255 : static_cast<std::uint8_t>(scaled);
}

// A table of all 256 values makes the loop the same for both types.
template <class T>
void convert(const std::vector<const std::uint8_t*>& pixels, std::int64_t count, T* to) {
  std::array<T, 256> table;
  for (int i = 0; i < 256; ++i) table[i] = static_cast<T>(to_unit(static_cast<std::uint8_t>(i)));
  for (const std::uint8_t* from : pixels)
    for (std::int64_t i = 0; i < count; ++i) *to++ = table[from[i]];
}

}  // namespace

torch::Tensor to_tensor(const Image& image) {
  return to_batch({image.pixels.data()}, image.height, image.width)[0].contiguous();
}

Image to_image(const torch::Tensor& tensor) {
  TORCH_CHECK(tensor.dim() == 3 && tensor.size(0) == 3, "to_image expects [3,H,W], got ", tensor.sizes());
  const torch::Tensor hwc = tensor.detach().to(torch::kCPU, torch::kFloat32).permute({1, 2, 0}).contiguous();
  Image image(hwc.size(1), hwc.size(0));
  const float* from = hwc.data_ptr<float>();
  for (std::uint8_t& pixel : image.pixels) pixel = to_pixel(*from++);
  return image;
}

torch::Tensor to_batch(const std::vector<const std::uint8_t*>& pixels, std::int64_t height, std::int64_t width,
                       torch::Dtype dtype) {
  TORCH_CHECK(dtype == torch::kFloat32 || dtype == torch::kBFloat16, "to_batch makes float32 or bfloat16, not ", dtype);
  const torch::Tensor batch = at::empty({static_cast<std::int64_t>(pixels.size()), 3, height, width},
                                        at::TensorOptions(dtype).memory_format(at::MemoryFormat::ChannelsLast));
  if (dtype == torch::kFloat32)
    convert(pixels, height * width * 3, batch.data_ptr<float>());
  else
    convert(pixels, height * width * 3, batch.data_ptr<at::BFloat16>());
  return batch;
}

}  // namespace cigli
