#include "encoders/text_encoder.h"

#include <memory>
#include <vector>

#include "encoders/layers/attention.h"

namespace cigli {

namespace nn = torch::nn;
using torch::Tensor;

void TextEncoderOptions::visit(Fields& f) {
  f("kind", kind, "text encoder", Choices{{"transformer"}});
  f("vocabulary", vocabulary, "tokens at most; merges are learned from the training texts", Range{514, 65536});
  f("context", context, "tokens a text may have, start and end included", Range{8, 1024});
  f("width", width, "channels of a text token", Range{8, 4096});
  f("layers", layers, "transformer blocks", Range{0, 64});
  f("heads", heads, "attention heads", Range{1, 64});
}

namespace {

// Pre-norm transformer over token and position embeddings.
struct TransformerTextEncoder : TextEncoderImpl {
  TransformerTextEncoder(const TextEncoderOptions& o, std::int64_t vocabulary)
      : context(o.context),
        embedding(register_module("embedding", embedding_layer(vocabulary, o.width))),
        positions(register_parameter("positions", small_weights({o.context, o.width}))),
        blocks(register_module("blocks", nn::ModuleList())),
        norm(register_module("norm", nn::LayerNorm(nn::LayerNormOptions({o.width})))) {
    for (std::int64_t i = 0; i < o.layers; ++i)
      blocks->push_back(TransformerBlock(TransformerBlockOptions{o.width, o.heads}));
  }

  TextFeatures forward(const TokenBatch& text) override {
    const std::int64_t length = text.ids.size(1);
    TORCH_CHECK(text.ids.dim() == 2 && length <= context, "text encoder expects ids [B,T], T <= ", context, "; got ",
                text.ids.sizes());
    const Tensor mask = text.mask.to(positions.device());
    Tensor x = embedding(text.ids.to(positions.device())) + positions.slice(0, 0, length);
    for (const auto& block : *blocks) x = block->as<TransformerBlock>()->forward(x, mask);
    return {norm(x), mask};
  }

  std::int64_t context;
  nn::Embedding embedding;
  Tensor positions;  // [context,D]
  nn::ModuleList blocks;
  nn::LayerNorm norm;
};

}  // namespace

TextEncoder make_text_encoder(const TextEncoderOptions& options, std::int64_t vocabulary) {
  if (options.kind == "transformer") return std::make_shared<TransformerTextEncoder>(options, vocabulary);
  throw Error("no text encoder is called '" + options.kind + "'");
}

}  // namespace cigli
