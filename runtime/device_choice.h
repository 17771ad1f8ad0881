#pragma once

#include <c10/core/Device.h>
#include <c10/util/Exception.h>

#include <string>
#include <vector>

#include "runtime/options.h"

namespace cigli {

// The GPUs that this program can see, each by its compute capability, 10 major + minor; or why it can use none.
struct Gpus {
  std::vector<int> capabilities;
  std::string missing;  // "" where GPUs can be used, should there be any
};
Gpus visible_gpus();

// The device that `name` means: "cpu", "cuda" (the first GPU), "cuda:N", or "auto": the first GPU that can be used,
// else the CPU. Throws Error that says what is missing: CUDA in this program, a driver as new as its toolkit, a GPU of
// that number, or one as new as its kernels were built for.
c10::Device choose_device(const std::string& name, const Gpus& gpus);
c10::Device find_device(const std::string& name);

// Whether a device's memory ran out, as LibTorch or one of the libraries under it has it.
bool is_out_of_memory(const c10::Error& error);
// Gives back what LibTorch keeps of GPUs' memory for later; does nothing on the CPU.
void release_device_memory();

// The option --device of every command that computes with a network.
struct DeviceChoice {
  std::string device = "auto";
  void visit(Fields& f);
};

}  // namespace cigli
