#include "decoder/generator.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "encoders/layers/feature_map.h"
#include "encoders/layers/residual_block.h"
#include "runtime/error.h"

namespace cigli {

using torch::Tensor;

void ModelOptions::visit(Fields& f) {
  f("height", height, "target height in pixels, set by the training data", Range{8, 4096});
  f("width", width, "target width in pixels, set by the training data", Range{8, 4096});
  f("prompt_height", prompt_height, "image prompt's height in pixels, set by the training data", Range{8, 4096});
  f("prompt_width", prompt_width, "image prompt's width in pixels, set by the training data", Range{8, 4096});
  f.group("text", text);
  f.group("image", image);
  f.group("fusion", fusion);
  f.group("decoder", decoder);
  f.group("sampling", sampling);
}

namespace {

void check_multiple(const std::string& key, std::int64_t value, const std::string& of, std::int64_t divisor) {
  if (value % divisor != 0)
    throw Error("model." + key + " is " + std::to_string(value) + ", expected a multiple of " + of + " = " +
                std::to_string(divisor));
}

const ModelOptions& checked(const ModelOptions& o) {
  check_multiple("text.width", o.text.width, "model.text.heads", o.text.heads);
  for (const std::int64_t width : o.image.widths)
    check_multiple("image.widths", width, "the group size", ResidualBlockOptions().group);
  check_multiple("fusion.width", o.fusion.width, "model.fusion.heads", o.fusion.heads);
  if (o.decoder.kind == "unet") {
    for (const std::int64_t width : o.decoder.widths)
      check_multiple("decoder.widths", width, "model.decoder.group", o.decoder.group);
    if (!o.decoder.widths.empty())
      check_multiple("decoder.widths", o.decoder.widths.back(), "model.decoder.heads", o.decoder.heads);
  }
  check_sampling(o.decoder, o.sampling);
  check_multiple("prompt_height", o.prompt_height, "the cells of the coarsest model.image.widths", o.image.patch());
  check_multiple("prompt_width", o.prompt_width, "the cells of the coarsest model.image.widths", o.image.patch());
  return o;
}

FeatureWidths feature_widths(const ModelOptions& o) {
  const std::vector<std::int64_t>& image = o.image.widths;
  return {o.text.width, image.back(), image.size() > 1 ? image[image.size() - 2] : image.back()};
}

}  // namespace

void check_sampling(const DecoderOptions& decoder, const SamplerOptions& sampling) {
  if (decoder.flow_map && sampling.method != "euler")
    throw Error("sampling.method is " + sampling.method +
                ", expected euler: a distilled model jumps in straight lines");
  if (decoder.kind != "gan") return;
  if (sampling.steps != 1)
    throw Error("sampling.steps is " + std::to_string(sampling.steps) + ", expected 1: a GAN draws in one step");
  if (sampling.guidance_text != 1 || sampling.guidance_image != 1)
    throw Error("sampling.guidance_text and sampling.guidance_image must be 1: a GAN knows no guidance");
}

GeneratorImpl::GeneratorImpl(const ModelOptions& o, Tokenizer t)
    : options(checked(o)),
      tokenizer(std::move(t)),
      text_encoder(register_module("text_encoder", make_text_encoder(o.text, tokenizer.vocabulary()))),
      image_encoder(register_module("image_encoder", make_image_encoder(o.image))),
      fusion(register_module("fusion", make_fusion(o.fusion, feature_widths(o)))),
      denoiser(register_module("denoiser", make_denoiser(o.decoder, fusion->widths(), o.height, o.width))) {}

Condition GeneratorImpl::condition(const std::vector<std::string>& texts, const Tensor& prompt,
                                   const Visible& visible) {
  TORCH_CHECK(prompt.dim() == 4 && prompt.size(0) == static_cast<std::int64_t>(texts.size()),
              "condition expects a prompt [B,3,H,W] and B texts; got ", prompt.sizes(), " and ", texts.size());
  const TextFeatures text = text_encoder->forward(tokenize(tokenizer, texts, options.text.context));
  const Tensor weight = fusion->parameters().front();
  const ImageFeatures image{image_encoder->forward(prompt.to(weight)),
                            resized(prompt, options.height, options.width).to(weight)};
  const std::int64_t copies = visible.text.defined() ? visible.text.size(0) / prompt.size(0) : 1;
  if (copies == 1) return fusion->forward(text, image, visible);
  const auto maps = [&](const Tensor& features) { return features.repeat({copies, 1, 1, 1}); };
  return fusion->forward({text.tokens.repeat({copies, 1, 1}), text.mask.repeat({copies, 1})},
                         {{maps(image.maps.tokens), maps(image.maps.details)}, maps(image.pixels)}, visible);
}

Tensor GeneratorImpl::forward(const Tensor& x, const FlowPoint& at, const Condition& condition) {
  return forward(x, at, denoiser->read(condition));
}

Tensor GeneratorImpl::forward(const Tensor& x, const FlowPoint& at, const ReadCondition& condition) {
  return denoiser->forward(x.to(condition.condition.pooled.scalar_type()), at, condition).to(torch::kFloat32);
}

namespace {

// One term of the guided prediction: how much of the prediction under these inputs.
struct Branch {
  bool text, image;
  double factor;
};

std::vector<Branch> branches_of(const SamplerOptions& s) {
  const Branch all[] = {{true, true, s.guidance_text},
                        {false, true, s.guidance_image - s.guidance_text},
                        {false, false, 1 - s.guidance_image}};
  std::vector<Branch> used;
  std::copy_if(std::begin(all), std::end(all), std::back_inserter(used), [](const Branch& b) { return b.factor != 0; });
  return used;
}

// Recordings read the weights there.
std::string places_of(const std::vector<Tensor>& weights) {
  std::string text;
  for (const Tensor& weight : weights)
    text += ' ' + std::to_string(reinterpret_cast<std::uintptr_t>(weight.data_ptr()));
  return text;
}

// Runs of letters and digits, ASCII lower-cased; bytes of other scripts count as letters.
template <class Use>
void for_each_word(const std::string& text, const Use& use) {
  std::string word;
  for (const char c : text + ' ') {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalnum(byte)) {
      word += static_cast<char>(byte < 0x80 ? std::tolower(byte) : byte);
    } else if (!word.empty()) {
      use(word);
      word.clear();
    }
  }
}

}  // namespace

Tensor GeneratorImpl::sample(const std::vector<Request>& requests, const SamplerOptions& sampling) {
  check_sampling(options.decoder, sampling);
  try {
    return drawn(requests, sampling);
  } catch (const c10::Error&) {
    graphs_.clear();  // it may be their memory that was missing
    throw;
  }
}

Tensor GeneratorImpl::drawn(const std::vector<Request>& requests, const SamplerOptions& sampling) {
  const torch::NoGradGuard no_grad;
  const std::int64_t batch = static_cast<std::int64_t>(requests.size());
  const std::vector<Branch> branches =
      options.decoder.flow_map ? std::vector<Branch>{{true, true, 1}} : branches_of(sampling);

  std::vector<std::string> texts;
  std::vector<Tensor> prompts, noise;
  std::vector<Tensor> text_seen, image_seen;
  for (const Branch& branch : branches) {
    text_seen.push_back(torch::full({batch}, branch.text, torch::kBool));
    image_seen.push_back(torch::full({batch}, branch.image, torch::kBool));
  }
  for (const Request& request : requests) {
    texts.push_back(request.text);
    prompts.push_back(request.prompt);
    noise.push_back(request_noise(request.seed, request.id, request.k, options.height, options.width));
  }
  ReadCondition read = denoiser->read(
      condition(texts, torch::stack(prompts).to(device()), {torch::cat(text_seen), torch::cat(image_seen)}));
  std::vector<Tensor> inputs{torch::stack(noise).to(device())};
  for (const Tensor* each : tensors_of(read)) inputs.push_back(*each);
  SamplerOptions named = sampling;
  const std::string key = device().is_cpu() ? "" : write_json(fields_of(named)).dump() + places_of(parameters());
  return graphs_(key, inputs,
                 [&](const std::vector<Tensor>& given) {
                   const std::vector<Tensor*> members = tensors_of(read);
                   for (std::size_t i = 0; i < members.size(); ++i) *members[i] = given[i + 1];
                   return options.decoder.flow_map ? jumped(given[0], read, sampling)
                                                   : guided(given[0], read, sampling);
                 })
      .clamp(-1, 1);
}

Tensor GeneratorImpl::jumped(const Tensor& noise, const ReadCondition& read, const SamplerOptions& sampling) {
  const auto all = [&](double value) { return torch::full({noise.size(0)}, value, noise.options()); };
  const Tensor scales = torch::stack({all(sampling.guidance_text), all(sampling.guidance_image)}, 1);
  const EndPrediction end = [&](const Tensor& x, const Tensor& t, const Tensor& until) {
    return forward(x, {t, until, scales}, read);
  };
  return follow(end, noise, sampling);
}

Tensor GeneratorImpl::guided(const Tensor& noise, const ReadCondition& read, const SamplerOptions& sampling) {
  const std::vector<Branch> branches = branches_of(sampling);
  const auto copies = static_cast<std::int64_t>(branches.size());
  GuidedPrediction prediction{
      [&](const Tensor& x, const Tensor& t) {
        const Tensor copied = x.repeat({copies, 1, 1, 1}).to(read.condition.pooled.scalar_type());
        return denoiser->forward(copied, {t.repeat({copies})}, read);
      },
      {}};
  for (const Branch& branch : branches) prediction.factors.push_back(branch.factor);
  return integrate(prediction, noise, sampling);
}

void GeneratorImpl::remember_words(const std::vector<std::string>& texts) {
  std::set<std::string> seen;
  for (const std::string& text : texts) for_each_word(text, [&](const std::string& word) { seen.insert(word); });
  words.assign(seen.begin(), seen.end());
}

std::string GeneratorImpl::text_warning(const std::string& text) const {
  const std::int64_t tokens = static_cast<std::int64_t>(tokenizer.encode(text).size()) + 2;
  if (tokens > options.text.context)
    return "the text has " + std::to_string(tokens) + " tokens; the model reads the first " +
           std::to_string(options.text.context);
  if (words.empty()) return "";
  std::int64_t all = 0, unknown = 0;
  for_each_word(text, [&](const std::string& word) {
    ++all;
    unknown += !std::binary_search(words.begin(), words.end(), word);
  });
  if (unknown == 0 || 3 * unknown < all) return "";
  return std::to_string(unknown) + " of the text's " + std::to_string(all) +
         " words never occurred in the model's training texts";
}

}  // namespace cigli
