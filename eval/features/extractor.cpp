#include "eval/features/extractor.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "encoders/clip.h"
#include "eval/features/dataset_scorer.h"
#include "eval/features/efficientnet_lite.h"
#include "eval/features/inception.h"
#include "eval/metrics/resampling.h"
#include "runtime/error.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using torch::Tensor;

// [1,3,H,W], a view of the image's bytes.
Tensor bytes_of(const Image& image) {
  return torch::from_blob(const_cast<std::uint8_t*>(image.pixels.data()), {1, image.height, image.width, 3},
                          torch::kUInt8)
      .permute({0, 3, 1, 2});
}

PretrainedWeights weights_of(const FeatureOptions& options) {
  if (options.weights.empty())
    throw UsageError("--features " + options.features + " needs --weights FILE, safetensors or .pth");
  return PretrainedWeights(fs::path(options.weights));
}

class InceptionExtractor : public FeatureExtractor {
 public:
  InceptionExtractor(PretrainedWeights weights, const FeatureOptions& options)
      : network_(weights, place_of(options)), layer_(options.layer), resampling_(resampling_named(options.resampling)) {
    name_ = "inception";
    classifies_ = true;
    identity_ = {{"features", options.features},
                 {"weights", weights.hash()},
                 {"layer", layer_},
                 {"resampling", options.resampling},
                 {"dtype", options.dtype}};
  }
  Tensor prepared(const Image& image) const override { return inception_input(bytes_of(image), resampling_)[0]; }
  FeatureBatch operator()(const Tensor& images) const override {
    const Inception::Output output = network_(images, layer_);
    return {output.features.cpu(), output.logits.defined() ? output.logits.cpu() : output.logits};
  }

 private:
  Inception network_;
  std::int64_t layer_;
  Resampling resampling_;
};

class EfficientNetExtractor : public FeatureExtractor {
 public:
  EfficientNetExtractor(PretrainedWeights weights, const FeatureOptions& options)
      : network_(weights, place_of(options)) {
    name_ = "efficientnet_lite0";
    classifies_ = true;
    identity_ = {{"features", options.features},
                 {"weights", weights.hash()},
                 {"resampling", cigli::name(Resampling::clean)},
                 {"dtype", options.dtype}};
  }
  Tensor prepared(const Image& image) const override {
    constexpr std::int64_t side = EfficientNetLite0::size;
    return resample(bytes_of(image), side, side, Resampling::clean)[0];
  }
  FeatureBatch operator()(const Tensor& images) const override {
    const Tensor features = network_.features(images);
    return {features.cpu(), network_.logits(features).cpu()};
  }

 private:
  EfficientNetLite0 network_;
};

class ClipExtractor : public FeatureExtractor {
 public:
  ClipExtractor(PretrainedWeights weights, const FeatureOptions& options)
      : network_(weights, clip_options_beside(options.weights), place_of(options)) {
    name_ = "clip";
    identity_ = {{"features", options.features},
                 {"weights", weights.hash()},
                 {"resampling", "bicubic, centre crop"},
                 {"dtype", options.dtype}};
  }
  Tensor prepared(const Image& image) const override { return clip_input(image, network_.image_size()); }
  FeatureBatch operator()(const Tensor& images) const override {
    const Tensor embedded = network_.embed_images(images).to(torch::kCPU, torch::kFloat32);
    return {embedded / embedded.norm(2, 1, true), {}};
  }

 private:
  Clip network_;
};

class DatasetExtractor : public FeatureExtractor {
 public:
  explicit DatasetExtractor(DatasetScorer scorer) : scorer_(std::move(scorer)) {
    name_ = "dataset";
    identity_ = {{"features", name_}, {"weights", scorer_.hash()}, {"dtype", "float32"}};
  }
  Tensor prepared(const Image& image) const override { return scorer_.fitted_target(image); }
  FeatureBatch operator()(const Tensor& images) const override { return {scorer_.look(images).features, {}}; }

 private:
  DatasetScorer scorer_;
};

// Where scripts/fetch-weights puts them.
fs::path fetched(const char* file) {
  const char* const data = std::getenv("XDG_DATA_HOME");
  const char* const home = std::getenv("HOME");
  if (data != nullptr && *data != '\0') return fs::path(data) / "cigli" / file;
  return fs::path(home != nullptr ? home : "") / ".local/share/cigli" / file;
}

fs::path fetched_efficientnet() { return fetched("efficientnet-lite0.pth"); }

void check_applicable(const FeatureOptions& options) {
  const auto refuse = [&](const char* option, const char* of) {
    throw UsageError(std::string(option) + " is of " + of + ", not of the features " + options.features);
  };
  const bool inception = options.features == "inception";
  if (options.features == "dataset") {
    if (!options.weights.empty()) refuse("--weights", "inception, clip and efficientnet-lite0 (--scorer FILE)");
    if (options.dtype != "float32") refuse("--dtype bfloat16", "inception, clip and efficientnet-lite0");
  }
  if (!inception && options.layer != FeatureOptions().layer) refuse("--layer", "inception");
  if (!inception && !options.resampling.empty()) refuse("--resampling", "inception");
}

}  // namespace

Tensor clip_input(const Image& image, std::int64_t side) {
  const std::int64_t shorter = std::min(image.height, image.width);
  const std::int64_t height = side * image.height / shorter, width = side * image.width / shorter;
  const auto middle = [&](std::int64_t length) { return std::llrint(static_cast<double>(length - side) / 2); };
  return resample_bicubic_bytes(bytes_of(image), height, width)[0]
      .narrow(1, middle(height), side)
      .narrow(2, middle(width), side);
}

const std::vector<std::string>& feature_names() {
  static const std::vector<std::string> names{"dataset", "efficientnet-lite0", "inception", "clip"};
  return names;
}

const std::vector<std::int64_t>& inception_layers() {
  static const std::vector<std::int64_t> layers{64, 192, 768, 2048};
  return layers;
}

void FeatureOptions::visit(Fields& f) {
  std::vector<std::string> names{""};
  names.insert(names.end(), feature_names().begin(), feature_names().end());
  f("features", features,
    "whose features images are compared by (default: dataset for synthetic data and NLVR, else efficientnet-lite0 "
    "where "
    "its weights are there)",
    Choices{names});
  f("weights", weights, "file of their weights, safetensors or .pth");
  f("scorer", scorer, "scorer of `cigli evaluate scorer` in place of the embedded one");
  f("resampling", resampling, "how inception's images are brought to 299x299 (default: as the convention has it)",
    Choices{{"", "tf1-bilinear", "torch-bilinear", "clean"}});
  f("layer", layer, "of inception: 64, 192, 768 or 2048", Range{64, 2048});
  f("dtype", dtype, "that networks compute in; what bfloat16 changes is measured and said",
    Choices{{"float32", "bfloat16"}});
  device.visit(f);
}

torch::TensorOptions place_of(const FeatureOptions& options) {
  return torch::TensorOptions(find_device(options.device.device))
      .dtype(options.dtype == "bfloat16" ? torch::kBFloat16 : torch::kFloat32);
}

DatasetScorer make_scorer(const FeatureOptions& options, std::string_view embedded) {
  DatasetScorer scorer = options.scorer.empty() ? DatasetScorer::parse(embedded, "the embedded scorer")
                                                : DatasetScorer::load(options.scorer);
  scorer.to(find_device(options.device.device));
  return scorer;
}

std::string default_features() { return fs::exists(fetched_efficientnet()) ? "efficientnet-lite0" : "dataset"; }

std::unique_ptr<FeatureExtractor> make_extractor(const FeatureOptions& options, std::string_view embedded) {
  check_applicable(options);
  if (options.features == "dataset") return std::make_unique<DatasetExtractor>(make_scorer(options, embedded));
  if (options.features == "efficientnet-lite0") {
    FeatureOptions filled = options;
    if (filled.weights.empty()) filled.weights = fetched_efficientnet().string();
    if (!fs::exists(filled.weights))
      throw Error(filled.weights + ": no such file; scripts/fetch-weights gets efficientnet-lite0's weights");
    return std::make_unique<EfficientNetExtractor>(weights_of(filled), filled);
  }
  if (options.features == "clip") return std::make_unique<ClipExtractor>(weights_of(options), options);
  TORCH_CHECK(options.features == "inception", "no features '", options.features, "'");
  const std::vector<std::int64_t>& layers = inception_layers();
  if (std::find(layers.begin(), layers.end(), options.layer) == layers.end())
    throw UsageError("--layer " + std::to_string(options.layer) + ", expected 64, 192, 768 or 2048");
  FeatureOptions filled = options;
  if (filled.resampling.empty()) filled.resampling = name(Resampling::torch_bilinear);
  return std::make_unique<InceptionExtractor>(weights_of(filled), filled);
}

}  // namespace cigli
