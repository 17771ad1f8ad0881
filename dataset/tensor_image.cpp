#include "dataset/tensor_image.h"

#include <ATen/ATen.h>

#include <cstring>

#include "dataset/tensor_image_cuda.h"
#include "decoder/cuda/pixel_kernel.h"

namespace cigli {

using torch::Tensor;

namespace {

// [B,3,H,W] of pixels [B,H,W,3] on another device than the CPU. Without a kernel: the same of LibTorch's operations.
Tensor units_there(const Tensor& pixels, torch::Dtype dtype) {
#ifdef CIGLI_CUDA
  if (pixels.is_cuda()) return units_on_gpu(pixels, dtype).permute({0, 3, 1, 2});
#endif
  return (pixels.to(torch::kFloat32) / 127.5 - 1).to(dtype).permute({0, 3, 1, 2});
}

// Pixels [B,H,W,3] of [B,3,H,W] on another device than the CPU.
Tensor pixels_there(const Tensor& units) {
  const Tensor last = units.permute({0, 2, 3, 1}).contiguous();
#ifdef CIGLI_CUDA
  if (last.is_cuda()) return pixels_on_gpu(last);
#endif
  return at::nan_to_num((last.to(torch::kFloat32) + 1) * 127.5 + 0.5, 0).clamp(0, 255).to(torch::kUInt8);
}

}  // namespace

Tensor to_tensor(const Image& image) {
  return to_batch({image.pixels.data()}, image.height, image.width)[0].contiguous();
}

Image to_image(const Tensor& tensor) {
  TORCH_CHECK(tensor.dim() == 3 && tensor.size(0) == 3, "to_image expects [3,H,W], got ", tensor.sizes());
  const Tensor hwc = tensor.detach().to(torch::kCPU, torch::kFloat32).permute({1, 2, 0}).contiguous();
  Image image(hwc.size(1), hwc.size(0));
  units_to_pixels(hwc.data_ptr<float>(), hwc.numel(), image.pixels.data());
  return image;
}

Tensor to_batch(const std::vector<const std::uint8_t*>& pixels, std::int64_t height, std::int64_t width,
                const torch::TensorOptions& options) {
  const torch::Dtype dtype = c10::typeMetaToScalarType(options.dtype());
  const torch::Device device = options.device();
  TORCH_CHECK(dtype == torch::kFloat32 || dtype == torch::kBFloat16, "to_batch makes float32 or bfloat16, not ", dtype);
  const auto size = static_cast<std::int64_t>(pixels.size()), count = height * width * 3;
  if (!device.is_cpu()) {
    // Only from pinned memory a copy runs beside the device's work; LibTorch keeps that memory until it has ended.
    const Tensor bytes =
        at::empty({size, height, width, 3}, at::TensorOptions(torch::kUInt8).pinned_memory(device.is_cuda()));
    for (std::int64_t i = 0; i < size; ++i)
      std::memcpy(bytes.data_ptr<std::uint8_t>() + i * count, pixels[static_cast<std::size_t>(i)],
                  static_cast<std::size_t>(count));
    return units_there(bytes.to(device, torch::kUInt8, /*non_blocking=*/true), dtype);
  }
  const Tensor batch =
      at::empty({size, 3, height, width}, at::TensorOptions(dtype).memory_format(at::MemoryFormat::ChannelsLast));
  for (std::int64_t i = 0; i < size; ++i) {
    const std::uint8_t* const from = pixels[static_cast<std::size_t>(i)];
    if (dtype == torch::kFloat32)
      pixels_to_units(from, count, batch.data_ptr<float>() + i * count);
    else
      pixels_to_units(from, count, static_cast<std::uint16_t*>(batch.data_ptr()) + i * count);
  }
  return batch;
}

std::vector<Image> to_images(const Tensor& batch) {
  TORCH_CHECK(batch.dim() == 4 && batch.size(1) == 3, "to_images expects [B,3,H,W], got ", batch.sizes());
  std::vector<Image> images;
  if (batch.is_cpu()) {
    for (std::int64_t i = 0; i < batch.size(0); ++i) images.push_back(to_image(batch[i]));
    return images;
  }
  const Tensor pixels = pixels_there(batch.detach()).cpu();
  for (std::int64_t i = 0; i < batch.size(0); ++i) {
    Image& image = images.emplace_back(batch.size(3), batch.size(2));
    std::memcpy(image.pixels.data(), pixels[i].data_ptr<std::uint8_t>(), image.pixels.size());
  }
  return images;
}

}  // namespace cigli
