#include "training/channels_last.h"

namespace cigli {

void use_channels_last(torch::nn::Module& network) {
  const torch::NoGradGuard no_grad;
  for (torch::Tensor& parameter : network.parameters())
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(torch::MemoryFormat::ChannelsLast));
}

}  // namespace cigli
