#include "dataset/tensor_image_cuda.h"

#include <ATen/ATen.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "decoder/cuda/device_kernels.h"

namespace cigli {

using torch::Tensor;

Tensor units_on_gpu(const Tensor& pixels, torch::Dtype dtype) {
  const c10::cuda::CUDAGuard guard(pixels.device());
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream().stream();
  const Tensor units = at::empty(pixels.sizes(), pixels.options().dtype(dtype));
  const std::uint8_t* const from = pixels.data_ptr<std::uint8_t>();
  if (dtype == torch::kFloat32)
    C10_CUDA_CHECK(pixels_to_units(from, pixels.numel(), units.data_ptr<float>(), stream));
  else
    C10_CUDA_CHECK(pixels_to_units(from, pixels.numel(), static_cast<std::uint16_t*>(units.data_ptr()), stream));
  return units;
}

Tensor pixels_on_gpu(const Tensor& units) {
  if (units.scalar_type() != torch::kFloat32 && units.scalar_type() != torch::kBFloat16)
    return pixels_on_gpu(units.to(torch::kFloat32));
  const c10::cuda::CUDAGuard guard(units.device());
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream().stream();
  const Tensor pixels = at::empty(units.sizes(), units.options().dtype(torch::kUInt8));
  std::uint8_t* const to = pixels.data_ptr<std::uint8_t>();
  if (units.scalar_type() == torch::kFloat32)
    C10_CUDA_CHECK(units_to_pixels(static_cast<const float*>(units.data_ptr()), units.numel(), to, stream));
  else
    C10_CUDA_CHECK(units_to_pixels(static_cast<const std::uint16_t*>(units.data_ptr()), units.numel(), to, stream));
  return pixels;
}

}  // namespace cigli
