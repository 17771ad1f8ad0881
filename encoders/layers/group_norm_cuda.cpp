#include "encoders/layers/group_norm_cuda.h"

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "decoder/cuda/device_kernels.h"

namespace cigli {
namespace {

template <class Pass>
void launch(const Pass& pass, const c10::Device& device) {
  const c10::cuda::CUDAGuard guard(device);
  C10_CUDA_CHECK(group_norm(pass, c10::cuda::getCurrentCUDAStream().stream()));
}

}  // namespace

template <class T>
void group_norm(const GroupNormForward<T>& pass, const c10::Device& device) {
  launch(pass, device);
}

template <class T>
void group_norm(const GroupNormBackward<T>& pass, const c10::Device& device) {
  launch(pass, device);
}

template void group_norm(const GroupNormForward<float>&, const c10::Device&);
template void group_norm(const GroupNormForward<std::uint16_t>&, const c10::Device&);
template void group_norm(const GroupNormBackward<float>&, const c10::Device&);
template void group_norm(const GroupNormBackward<std::uint16_t>&, const c10::Device&);

}  // namespace cigli
