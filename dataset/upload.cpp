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

Upload::Upload(const std::function<Batch()>& read, c10::Device device) {
  if (!device.is_cuda()) {
    batch_ = read();
    return;
  }
  // One for all uploads: LibTorch keeps the memory of each stream apart.
  static const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool(false, device.index());
  TORCH_CHECK(stream.device_index() == device.index(), "one GPU a process");
  const c10::cuda::CUDAStreamGuard guard(stream);
  batch_ = read();
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

Upload::Upload(const std::function<Batch()>& read, c10::Device) : batch_(read()) {}

Batch Upload::get() const { return batch_; }

#endif

}  // namespace cigli
