#include "decoder/sampler_cuda.h"

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "decoder/cuda/device_kernels.h"

namespace cigli {

template <class T>
void guided_update(const GuidedUpdate<T>& update, const c10::Device& device) {
  const c10::cuda::CUDAGuard guard(device);
  C10_CUDA_CHECK(guided_update(update, c10::cuda::getCurrentCUDAStream().stream()));
}

template void guided_update(const GuidedUpdate<float>&, const c10::Device&);
template void guided_update(const GuidedUpdate<std::uint16_t>&, const c10::Device&);

}  // namespace cigli
