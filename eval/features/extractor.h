#pragma once

#include <torch/types.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/image.h"
#include "eval/features/dataset_scorer.h"
#include "runtime/device_choice.h"
#include "runtime/options.h"

namespace cigli {

// Which features, of which network.
struct FeatureOptions {
  std::string features;           // dataset, efficientnet-lite0, inception, clip; "": as `default_features` has it
  std::string weights;            // their file; "": efficientnet-lite0's of scripts/fetch-weights
  std::string scorer;             // file of dataset's; "": the embedded one
  std::string resampling;         // of inception: eval/metrics/resampling.h; "": torch-bilinear
  std::int64_t layer = 2048;      // of inception
  std::string dtype = "float32";  // that the network computes in: or bfloat16
  DeviceChoice device;            // that it computes on
  void visit(Fields& f);
};

// What `features` and `layer` may be.
const std::vector<std::string>& feature_names();
const std::vector<std::int64_t>& inception_layers();

struct FeatureBatch {
  torch::Tensor features;  // [B,D] float32
  torch::Tensor logits;    // [B,K] float32; undefined where the network is no classifier
};

class FeatureExtractor {
 public:
  virtual ~FeatureExtractor() = default;
  // An image as the network takes it, [3,h,w] float32, all of one shape. May be called from several threads at once.
  virtual torch::Tensor prepared(const Image& image) const = 0;
  virtual FeatureBatch operator()(const torch::Tensor& images) const = 0;  // [B,3,h,w], prepared; both on the CPU

  // "dataset", ..., as it is part of a metric's name.
  const std::string& name() const { return name_; }
  // What the features depend on: {"features", "weights": SHA-256, "dtype", and as it applies "resampling", "layer"}.
  // Features of another identity are not compared.
  const nlohmann::ordered_json& identity() const { return identity_; }
  bool classifies() const { return classifies_; }  // batches have logits

 protected:
  std::string name_;
  nlohmann::ordered_json identity_;
  bool classifies_ = false;
};

// `embedded` holds the scorer file that stands in where none is named. Throws Error naming a file of weights that is
// missing or can't be used, UsageError naming an option that is of other features.
std::unique_ptr<FeatureExtractor> make_extractor(const FeatureOptions& options, std::string_view embedded);

// An image as CLIP takes it: its shorter side to `side` pixels by Pillow's bicubic, then the middle; uint8
// [3,side,side].
torch::Tensor clip_input(const Image& image, std::int64_t side);

// The dataset's own scorer that the options name, on their device; `embedded` as above.
DatasetScorer make_scorer(const FeatureOptions& options, std::string_view embedded);
// Where networks of these options compute, and in which type.
torch::TensorOptions place_of(const FeatureOptions& options);

// What suits images that nothing is known of: efficientnet-lite0 where its weights are there, else dataset.
std::string default_features();

}  // namespace cigli
