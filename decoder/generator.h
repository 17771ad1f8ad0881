#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "decoder/denoiser.h"
#include "decoder/graph_cache.h"
#include "decoder/sampler.h"
#include "encoders/image_encoder.h"
#include "encoders/text_encoder.h"
#include "encoders/tokenizer.h"
#include "fusion/fusion.h"
#include "runtime/options.h"

namespace cigli {

// Everything that travels with the weights; `generate` reads it from the model file alone.
struct ModelOptions {
  std::int64_t height = 64, width = 64;                // target; set from the training data
  std::int64_t prompt_height = 64, prompt_width = 64;  // the prompt's shape in training
  TextEncoderOptions text;
  ImageEncoderOptions image;
  FusionOptions fusion;
  DecoderOptions decoder;
  SamplerOptions sampling;  // defaults of this model
  void visit(Fields& f);
};

// Error unless the decoder can be sampled like this: a GAN draws in one step and knows no guidance; a flow map jumps,
// and so knows no Heun.
void check_sampling(const DecoderOptions& decoder, const SamplerOptions& sampling);

// One image to make.
struct Request {
  std::string id, text;
  torch::Tensor prompt;  // [3,Hp,Wp] float32 in [-1,1]
  std::uint64_t seed = 0;
  std::int64_t k = 0;  // which of the request's images
};

// Tokenizer + encoders + fusion + denoiser.
struct GeneratorImpl : torch::nn::Module {
  GeneratorImpl(const ModelOptions& options, Tokenizer tokenizer);

  // Condition of texts and prompts [B,3,Hp,Wp] under `visible` (undefined tensors: all visible). `visible` of k B rows
  // gives the conditions of k branches, one after the other, over texts and prompts that are encoded once.
  Condition condition(const std::vector<std::string>& texts, const torch::Tensor& prompt, const Visible& visible = {});
  // What the decoder says of x [B,3,H,W] at this point of the flow (decoder/denoiser.h), float32; the losses' view.
  torch::Tensor forward(const torch::Tensor& x, const FlowPoint& at, const Condition& condition);
  torch::Tensor forward(const torch::Tensor& x, const FlowPoint& at, const ReadCondition& condition);
  // Images [B,3,H,W] float32 in [-1,1], on its device, for requests whose prompts share a shape. No gradients. Guidance
  // branches e(0,0) + s_I (e(I,0) - e(0,0)) + s_T (e(I,T) - e(I,0)) (Brooks et al. 2023, eq. 3) run in one batch; those
  // whose factor vanishes are left out. A flow map is told the scales and runs once. Error when the decoder can't be
  // sampled like this.
  torch::Tensor sample(const std::vector<Request>& requests, const SamplerOptions& sampling);

  // Where the weights are, and so what it computes on.
  torch::Device device() const { return parameters().front().device(); }

  // Keeps the words of the training texts, for text_warning.
  void remember_words(const std::vector<std::string>& texts);
  // Why a text may not be understood: longer than the context, or a third of its words or more never occurred in
  // training; "" if fine.
  std::string text_warning(const std::string& text) const;

  ModelOptions options;
  Tokenizer tokenizer;
  TextEncoder text_encoder;
  ImageEncoder image_encoder;
  Fusion fusion;
  Denoiser denoiser;
  std::vector<std::string> words;  // of the training texts, sorted

 private:
  torch::Tensor drawn(const std::vector<Request>& requests, const SamplerOptions& sampling);
  // Where noise [B,3,H,W] leads under the condition of all branches: by a flow map, by a guided flow.
  torch::Tensor jumped(const torch::Tensor& noise, const ReadCondition& read, const SamplerOptions& sampling);
  torch::Tensor guided(const torch::Tensor& noise, const ReadCondition& read, const SamplerOptions& sampling);
  GraphCache graphs_;
};
TORCH_MODULE(Generator);

// What a model file says of itself besides its weights.
struct ModelInfo {
  std::map<std::string, std::string> metadata;  // "cigli.format", "cigli.options" (JSON), "cigli.merges", ...
  std::string hash;                             // SHA-256 of the file
  std::filesystem::path file;                   // the file that was read
};

// Writes weights (as they are, or bfloat16), options and tokenizer as safetensors, atomically.
void save_model(const std::filesystem::path& file, const Generator& model, bool bfloat16 = false,
                const std::map<std::string, std::string>& extra = {});
// Reads a model file, a training checkpoint (its EMA weights) or a run folder (its newest model). Error names the file
// and what does not fit: a missing, surplus or misshapen tensor, unknown options, another format.
Generator load_model(const std::filesystem::path& path, ModelInfo* info = nullptr);
// The same from a model file's bytes; `name` stands for the file in messages and in `info`.
Generator load_model(std::string_view bytes, const std::string& name, ModelInfo* info = nullptr);

}  // namespace cigli
