#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "eval/conditional/row_metrics.h"
#include "eval/features/extraction.h"
#include "eval/features/reference.h"
#include "eval/metrics/feature_metrics.h"
#include "eval/score.h"
#include "runtime/options.h"

namespace cigli {

// How folders of images are scored.
struct ImageScoreOptions {
  FeatureOptions features;
  FeatureMetricOptions metrics;  // its `metrics` are all that were asked for, those of rows too
  std::string clip_weights, clip_merges, lpips_weights;
  std::int64_t candidates = 100, batch_size = 32, workers = 0;
  BootstrapOptions bootstrap;
  void visit(Fields& f);
};

// Fills in what the user left open: whose features suit the data, and the resampling of the convention. Warns where the
// embedded scorer has to do for images that it does not know.
void choose_features(FeatureOptions& features, const std::string& data, const std::string& convention);

// Metrics of rows, by the names that --metrics takes; those of a judge stand for all judges'.
const std::vector<std::string>& row_metric_names();

// Whether a metric of rows is 0, 1 or between: then bootstraps of rows that all agree have no width.
bool is_share(const std::string& metric);

// Why there is no interval of a mean over so few rows, or clusters of them; "" where there is one.
std::string lacking_interval(const Score& score);

// What a folder of generated images scored.
struct ImageScores {
  nlohmann::ordered_json json;  // a member a metric, "sensitivity", "conventions"
  Estimates estimates;          // behind the metrics over features
  std::optional<RowMetrics> rows;
  ExtractedSet features;                     // of the generated images
  std::vector<std::filesystem::path> files;  // theirs
  std::vector<std::string> ids;              // of the rows that these answer; none where the data have no rows
  std::vector<std::string> missing, unasked, faults;
  std::vector<std::string> damaged;   // generated images that can't be read, which score_consistency lists too
  std::vector<std::string> warnings;  // rows that were not scored for another reason, or not by every metric
  std::vector<std::string> unpaired;  // rows that keep the metrics over sets from pairing images and targets
  std::string feature_name;           // FeatureExtractor::name
};

// Why rows, or some metrics of them, were not scored though their images can be read: a line each.
std::vector<std::string> warnings_of(const RowMetrics& rows);

// Real images that generated ones are compared with, their features extracted once.
class ImageScorer {
 public:
  // Real images: `reference`, statistics, or where it is "" those of `data`, a dataset folder (its targets, of this
  // split alone) or a folder of images. Both "" leave metrics that need none.
  ImageScorer(const ImageScoreOptions& options, const std::string& data, const std::string& split,
              const std::string& reference);

  // `beside`: only rows that this folder answers, too; "" = all.
  ImageScores score(const std::string& generated, const std::string& beside = "") const;
  // The metrics of rows alone, of a folder that answers the same dataset. Throws Error where no row can be scored.
  RowMetrics score_rows(const std::string& generated) const;
  // Features of more images; `what` stands for them in messages.
  ExtractedSet features_of(const std::vector<std::filesystem::path>& files, const std::string& what) const;
  // The real images that features were extracted from: none of a reference, or where no metric needs them.
  const ExtractedSet& real() const { return real_; }
  const std::vector<std::filesystem::path>& real_files() const { return real_files_; }

 private:
  void check_metrics() const;  // that what was asked for can be had
  bool wanted(const std::string& metric) const;
  RowMetrics rows_of(const AnsweredRows& answered) const;
  FeatureSets sets_of(const ImageScores& scores, const std::string& generated) const;
  void pair(FeatureSets& sets, ImageScores& scores, const AnsweredRows& answered) const;
  std::vector<std::string> feature_metrics_of(const FeatureSets& sets) const;
  void add_features(ImageScores& scores, const AnsweredRows& answered, const std::string& generated) const;
  void add_rows(ImageScores& scores, const AnsweredRows& answered, const std::string& generated) const;
  nlohmann::ordered_json conventions(const ImageScores& scores) const;

  ImageScoreOptions options_;
  std::string data_, split_, real_name_;
  bool has_rows_ = false;  // the data are a dataset, not images alone
  std::unique_ptr<FeatureExtractor> extractor_;
  std::optional<DatasetJudge> dataset_;
  std::optional<ClipJudge> clip_;
  std::optional<Lpips> lpips_;
  std::vector<std::filesystem::path> real_files_;
  ExtractedSet real_;
  std::optional<Reference> reference_;
};

}  // namespace cigli
