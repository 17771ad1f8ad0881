#include "dataset/upload.h"

#include <ATen/ATen.h>

#ifdef CIGLI_CUDA
#include <ATen/cuda/CUDAEvent.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#endif

namespace cigli {

#ifdef CIGLI_CUDA

struct Upload::Arrival {
  at::cuda::CUDAEvent event;
};

Upload::Upload(Batch batch, c10::Device device) : batch_(std::move(batch)) {
  if (!device.is_cuda()) {
    batch_ = moved(batch_, device);
    return;
  }
  // One for all uploads: LibTorch keeps the memory of each stream apart.
  static const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool(false, device.index());
  const c10::cuda::CUDAStreamGuard guard(stream);
  for (at::Tensor* each : {&batch_.prompt, &batch_.target})
    *each = each->pin_memory().to(device, each->scalar_type(), /*non_blocking=*/true);
  arrival_ = std::make_shared<Arrival>();
  arrival_->event.record(stream);
}

Batch Upload::get() const {
  if (!arrival_) return batch_;
  const c10::cuda::CUDAStream stream = c10::cuda::getCurrentCUDAStream(batch_.target.device().index());
  arrival_->event.block(stream);
  for (const at::Tensor* each : {&batch_.prompt, &batch_.target})
    c10::cuda::CUDACachingAllocator::recordStream(each->storage().data_ptr(), stream);
  return batch_;
}

#else

struct Upload::Arrival {};

Upload::Upload(Batch batch, c10::Device device) : batch_(moved(std::move(batch), device)) {}

Batch Upload::get() const { return batch_; }

#endif

}  // namespace cigli
