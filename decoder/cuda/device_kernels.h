#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "decoder/cuda/group_norm_kernel.h"
#include "decoder/cuda/guided_update_kernel.h"

namespace cigli {

// The kernels on the current GPU, compute capability 8.0 and later: each does what its twin of the same arguments does
// on the processor, but on pointers to the GPU's memory, in the order of `stream`, and returns without waiting for it.
// They need no alignment beyond T's, but run fastest on addresses that are multiples of 16 bytes. What they return says
// whether they were started.

// cudaErrorInvalidValue above kLargestGroupOnGpu channels a group.
template <class T>
cudaError_t group_norm(const GroupNormForward<T>& pass, cudaStream_t stream);
template <class T>
cudaError_t group_norm(const GroupNormBackward<T>& pass, cudaStream_t stream);

template <class T>
cudaError_t guided_update(const GuidedUpdate<T>& update, cudaStream_t stream);

template <class T>
cudaError_t pixels_to_units(const std::uint8_t* pixels, std::int64_t count, T* units, cudaStream_t stream);
template <class T>
cudaError_t units_to_pixels(const T* units, std::int64_t count, std::uint8_t* pixels, cudaStream_t stream);

}  // namespace cigli
