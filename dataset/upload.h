#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <memory>

#include "dataset/batch.h"

namespace cigli {

// A batch on its way to a device. To a GPU it goes on a stream of its own, beside what the GPU computes meanwhile.
class Upload {
 public:
  Upload() = default;
  // `read` gives a batch on the device, and starts what that takes on the current stream, as Pack::batch does. May run
  // in a thread that reads ahead.
  Upload(const std::function<Batch()>& read, c10::Device device);
  // For the thread that computes: what it starts on a GPU from here on waits for the batch.
  Batch get() const;

 private:
  struct Arrival;
  Batch batch_;
  std::shared_ptr<Arrival> arrival_;  // of GPUs alone
};

}  // namespace cigli
