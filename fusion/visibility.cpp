#include "fusion/visibility.h"

#include <torch/torch.h>

namespace cigli {

using torch::Tensor;

Visible seen_inputs(const Visible& visible, const std::string& inputs, const Tensor& text_mask) {
  const auto seen = [&](const Tensor& rows, bool allowed) {
    if (!allowed) return torch::zeros({text_mask.size(0)}, text_mask.options());
    return rows.defined() ? rows.to(text_mask.device()) : torch::ones({text_mask.size(0)}, text_mask.options());
  };
  return {seen(visible.text, inputs != "image-only"), seen(visible.image, inputs != "text-only")};
}

Tensor seen_words(const Tensor& mask, const Tensor& text_seen) {
  const Tensor first = torch::arange(mask.size(1), mask.options().dtype(torch::kLong)).eq(0).unsqueeze(0);
  return torch::where(text_seen.unsqueeze(1), mask, first);
}

void check_inputs(const TextFeatures& text, const ImageFeatures& image) {
  const Tensor& cells = image.maps.tokens;
  TORCH_CHECK(text.tokens.dim() == 3 && cells.dim() == 4 && cells.size(0) == text.tokens.size(0) &&
                  image.pixels.dim() == 4 && image.pixels.size(0) == text.tokens.size(0),
              "fusion expects text [B,T,D], an image map [B,D,h,w] and pixels [B,3,H,W]; got ", text.tokens.sizes(),
              ", ", cells.sizes(), " and ", image.pixels.sizes());
}

}  // namespace cigli
