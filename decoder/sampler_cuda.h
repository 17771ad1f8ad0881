#pragma once

#include <c10/core/Device.h>

#include "decoder/cuda/guided_update_kernel.h"

namespace cigli {

// The update on a GPU, on its current stream; only where built with CIGLI_CUDA. c10::Error where it can't be started.
template <class T>
void guided_update(const GuidedUpdate<T>& update, const c10::Device& device);

}  // namespace cigli
