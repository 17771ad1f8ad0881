#include "fusion/concat_fusion.h"

#include "encoders/layers/linear.h"
#include "encoders/layers/pooling.h"
#include "fusion/visibility.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

ConcatFusionImpl::ConcatFusionImpl(const FusionOptions& o, const FeatureWidths& widths)
    : options(o),
      text_in(register_module("text_in", linear_layer(widths.text, o.width))),
      image_in(register_module("image_in", linear_layer(widths.image, o.width))),
      null_text(register_parameter("null_text", small_weights({o.width}))),
      null_image(register_parameter("null_image", small_weights({o.width}))) {}

Condition ConcatFusionImpl::forward(const TextFeatures& text, const ImageFeatures& image, const Visible& visible) {
  check_inputs(text, image);
  const Visible seen = seen_inputs(visible, options.inputs, text.mask);
  const Tensor sentence = text_in(masked_max(text.tokens, text.mask));
  const Tensor prompt = image_in(image.maps.tokens.amax({2, 3}));
  Condition condition;
  condition.pooled = torch::cat({torch::where(seen.text.unsqueeze(1), sentence, null_text),
                                 torch::where(seen.image.unsqueeze(1), prompt, null_image)},
                                1);
  return condition;
}

}  // namespace cigli
