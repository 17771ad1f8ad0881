#include "encoders/layers/pooling.h"

#include <torch/torch.h>

namespace cigli {

using torch::Tensor;

Tensor masked_max(const Tensor& tokens, const Tensor& mask) {
  TORCH_CHECK(tokens.dim() == 3 && mask.sizes() == tokens.sizes().slice(0, 2),
              "masked_max expects tokens [B,T,D] and a mask [B,T]; got ", tokens.sizes(), " and ", mask.sizes());
  return tokens.masked_fill(mask.logical_not().unsqueeze(2), -1e4).amax(1);
}

}  // namespace cigli
