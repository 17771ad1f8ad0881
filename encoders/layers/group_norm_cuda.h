#pragma once

#include <c10/core/Device.h>

#include "decoder/cuda/group_norm_kernel.h"

namespace cigli {

// The passes on a GPU, on its current stream; only where built with CIGLI_CUDA. c10::Error where they can't be started.
template <class T>
void group_norm(const GroupNormForward<T>& pass, const c10::Device& device);
template <class T>
void group_norm(const GroupNormBackward<T>& pass, const c10::Device& device);

}  // namespace cigli
