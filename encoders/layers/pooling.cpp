#include "encoders/layers/pooling.h"

#include <torch/torch.h>

namespace cigli {

using torch::Tensor;

Tensor masked_mean(const Tensor& tokens, const Tensor& mask) {
  TORCH_CHECK(tokens.dim() == 3 && mask.sizes() == tokens.sizes().slice(0, 2),
              "masked_mean expects tokens [B,T,D] and a mask [B,T]; got ", tokens.sizes(), " and ", mask.sizes());
  const Tensor kept = tokens.masked_fill(mask.logical_not().unsqueeze(2), 0);
  return kept.sum(1) / mask.sum(1, true).to(tokens.scalar_type());
}

}  // namespace cigli
