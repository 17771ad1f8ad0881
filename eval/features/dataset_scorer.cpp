#include "eval/features/dataset_scorer.h"

#include "dataset/fit.h"
#include "dataset/tensor_image.h"
#include "encoders/module_file.h"
#include "runtime/files.h"
#include "runtime/hash.h"
#include "runtime/options.h"

namespace cigli {

using torch::Tensor;

namespace {

constexpr const char* scorer_format = "cigli-scorer-1";

// What the file says beside weights and merges.
struct FileOptions {
  PairScorerOptions architecture;
  ImageSize prompt, target;
  void visit(Fields& f) {
    const Range width{1, 4096}, side{8, 4096};
    f("width", architecture.width, "channels of a cell that queries and keys are compared by", width);
    f.group("text", architecture.text);
    f.group("image", architecture.image);
    f.group("fusion", architecture.fusion);
    f("prompt_width", prompt.width, "pixels", side);
    f("prompt_height", prompt.height, "pixels", side);
    f("target_width", target.width, "pixels", side);
    f("target_height", target.height, "pixels", side);
  }
};

Tensor fitted(const Image& image, const ImageSize& size) { return to_tensor(fit(image, size.width, size.height)); }

}  // namespace

DatasetScorer::DatasetScorer(PairScorer scorer, Tokenizer tokenizer, const ImageSize& prompt, const ImageSize& target)
    : scorer_(std::move(scorer)), tokenizer_(std::move(tokenizer)), prompt_(prompt), target_(target) {}

DatasetScorer DatasetScorer::load(const std::filesystem::path& file) {
  return parse(MappedFile(file).bytes(), file.string());
}

DatasetScorer DatasetScorer::parse(std::string_view bytes, const std::string& name) {
  const TensorFile content = parse_safetensors(bytes, name);
  FileOptions options;
  read_json(fields_of(options), options_of(content, scorer_format, name), name + ": cigli.options");
  Tokenizer tokenizer =
      Tokenizer::from_merges_text(metadata_of(content, "cigli.merges", name), name + ": cigli.merges");
  PairScorer scorer = made_of(content, name, [&] { return PairScorer(options.architecture, tokenizer.vocabulary()); });
  load_weights(*scorer, content, name);
  DatasetScorer loaded(std::move(scorer), std::move(tokenizer), options.prompt, options.target);
  loaded.hash_ = sha256(bytes);
  return loaded;
}

void DatasetScorer::save(const std::filesystem::path& file) const {
  FileOptions options{scorer_->options, prompt_, target_};
  TensorFile content;
  content.metadata["cigli.format"] = scorer_format;
  content.metadata["cigli.options"] = write_json(fields_of(options)).dump();
  content.metadata["cigli.merges"] = tokenizer_.merges_text();
  put_buffers(*scorer_, content);
  put_parameters(*scorer_, content);
  to_bfloat16(content);
  write_safetensors(file, content);
}

void DatasetScorer::to(torch::Device device) { scorer_->to(device); }

Tensor DatasetScorer::fitted_prompt(const Image& image) const { return fitted(image, prompt_); }
Tensor DatasetScorer::fitted_target(const Image& image) const { return fitted(image, target_); }

DatasetScorer::View DatasetScorer::look(const Tensor& targets) const {
  const torch::NoGradGuard no_gradients;
  PairScorer scorer = scorer_;
  const ImageMaps maps = scorer->image->forward(targets.to(device()).contiguous(torch::MemoryFormat::ChannelsLast));
  const Tensor places = maps.tokens.flatten(2);
  return {scorer->key(maps).cpu(),
          torch::cat({places.mean(2), places.std(2, false)}, 1).cpu(),
          {maps.details.cpu(), maps.tokens.cpu()}};
}

Tensor DatasetScorer::queries(const std::vector<std::string>& texts, const Tensor& prompts) const {
  const torch::NoGradGuard no_gradients;
  PairScorer scorer = scorer_;
  const std::int64_t patch = scorer->options.image.patch();
  return scorer
      ->query(tokenize(tokenizer_, texts, scorer->options.text.context),
              prompts.to(device()).contiguous(torch::MemoryFormat::ChannelsLast), target_.height / patch,
              target_.width / patch)
      .cpu();
}

}  // namespace cigli
