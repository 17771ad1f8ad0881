#include "tools/image_scores.h"

#include <torch/torch.h>

#include <algorithm>
#include <iostream>

#include "dataset/metadata.h"
#include "models/embedded.h"
#include "runtime/error.h"
#include "runtime/progress.h"
#include "tools/score_differences.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Metrics of rows that a judge gives.
constexpr const char* kJudged[] = {"perceptual",          "r_precision",       "text_faithfulness",
                                   "prompt_faithfulness", "prompt_similarity", "target_similarity"};

// Drawings like those that the embedded scorer knows, not photographs.
bool is_drawn(const Row& row) {
  const auto source = row.object.find("source");
  return row.object.contains("program") || (source != row.object.end() && *source == "nlvr1");
}

// The features that statistics are of.
void choose_as(FeatureOptions& features, const Json& identity) {
  features.features = identity.value("features", std::string());
  features.layer = identity.value("layer", features.layer);
  if (features.resampling.empty() && features.features == "inception")
    features.resampling = identity.value("resampling", std::string());
}

// Without those of rows, which can't be computed without a dataset.
std::vector<std::string> of_features(const std::vector<std::string>& metrics) {
  std::vector<std::string> kept;
  for (const std::string& metric : metrics)
    if (std::find(feature_metric_names().begin(), feature_metric_names().end(), metric) != feature_metric_names().end())
      kept.push_back(metric);
  return kept;
}

// Without rows that this folder doesn't answer.
void keep_answered(AnsweredRows& answered, const std::string& folder) {
  const Answers others(folder);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < answered.rows.size(); ++i) {
    if (others.to(answered.rows[i].id).empty()) continue;
    answered.rows[kept] = answered.rows[i];
    answered.images[kept++] = answered.images[i];
  }
  if (kept == 0) throw Error(folder + ": answers no row that the other folder answers");
  answered.rows.resize(kept);
  answered.images.resize(kept);
}

void check_scored(const RowMetrics& rows, const std::string& generated) {
  if (!rows.ids.empty()) return;
  const std::vector<std::string>& reasons = rows.damaged.empty() ? rows.unscored : rows.damaged;
  throw Error(generated + ": no row's images can be read: " + reasons.front());
}

bool begins_with(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }

// Why a metric of rows has no value of this many of them.
std::string lacking(const std::string& name, std::int64_t count, const RowMetrics& rows) {
  if (rows.ids.empty()) return "no row's images can be read";
  std::string note;
  const auto add = [&](std::int64_t some, const std::string& what) {
    if (some > 0) note += (note.empty() ? "" : "; ") + std::to_string(some) + " " + what;
    count -= some;
  };
  if (const auto found = rows.too_small.find(name); found != rows.too_small.end())
    add(static_cast<std::int64_t>(found->second.size()), "images are too small for it");
  if (const auto found = rows.alone.find(name); found != rows.alone.end())
    add(found->second, "rows have no other row with another sentence or prompt to be told from");
  add(count, name == "psnr" ? "images equal their target, which has no finite value"
                            : "values that the network gave are not finite and not counted");
  return note;
}

Json json_of(const std::string& name, const RowMetrics& rows, const BootstrapOptions& bootstrap) {
  const std::vector<double>& values = rows.values.at(name);
  const Score score = score_of(values, rows.clusters, bootstrap, is_share(name) ? share_interval : bootstrap_mean);
  const std::string too_few = lacking_interval(score);
  Json json{{"value", score.n > 0 ? Json(score.accuracy) : Json()}, {"n", score.n}, {"ci", nullptr}};
  // Of few resamples the quantiles can lie to one side of the value.
  if (too_few.empty())
    json["ci"] = {std::min(score.interval.low, score.accuracy), std::max(score.interval.high, score.accuracy)};
  add_clusters(score, json);
  if (begins_with(name, "r_precision_") && score.n > 0) json["candidates"] = rows.candidates;
  std::string note = lacking(name, static_cast<std::int64_t>(values.size()) - score.n, rows);
  if (score.n > 0 && !too_few.empty()) note += (note.empty() ? "" : "; ") + too_few;
  if (!note.empty()) json["note"] = note;
  return json;
}

}  // namespace

void ImageScoreOptions::visit(Fields& f) {
  features.visit(f);
  f("clip_weights", clip_weights, "CLIP's weights (Hugging Face's safetensors), for clip_score and what CLIP judges");
  f("clip_merges", clip_merges, "CLIP's bpe_simple_vocab_16e6.txt, plain or gzipped, that goes with them");
  f("lpips_weights", lpips_weights, "weights of the package lpips, for lpips: safetensors or .pth");
  f("candidates", candidates, "of r_precision, own included", Range{2, 256});
  f("batch_size", batch_size, "images that a network takes at once", Range{1, 4096});
  f("workers", workers, "threads that decode images, 0 = all cores", Range{0, 1024});
}

bool is_share(const std::string& metric) {
  return begins_with(metric, "r_precision_") || begins_with(metric, "text_faithfulness_") ||
         begins_with(metric, "prompt_faithfulness_");
}

std::string lacking_interval(const Score& score) {
  constexpr std::int64_t fewest = 2 * kGroups;  // as of the metrics over sets
  if (score.clusters >= fewest) return "";
  return "no interval: it takes " + std::to_string(fewest) + (score.clusters < score.n ? " clusters of rows" : " rows");
}

void choose_features(FeatureOptions& features, const std::string& data, const std::string& convention) {
  if (features.features == "inception" && features.resampling.empty())
    features.resampling = name(resampling_of(convention));
  if (!features.features.empty()) return;
  bool drawn = false;
  if (!data.empty() && fs::exists(metadata_file(data)))
    scan_metadata(
        data, [&](Row&& row) { drawn = drawn || is_drawn(row); }, [](RowFault&&) {});
  features.features = drawn ? "dataset" : default_features();
  if (!drawn && features.features == "dataset" && features.scorer.empty() && fs::exists(data))
    std::cerr << "cigli: warning: " << data
              << ": compared by the features of the embedded scorer, which knows drawings of shapes alone; "
                 "scripts/fetch-weights gets efficientnet-lite0's, which know photographs\n";
}

std::vector<std::string> warnings_of(const RowMetrics& rows) {
  std::vector<std::string> warnings = rows.unscored;
  for (const auto& [name, images] : rows.too_small) warnings.insert(warnings.end(), images.begin(), images.end());
  return warnings;
}

const std::vector<std::string>& row_metric_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all{"psnr", "ssim", "lpips", "clip_score"};
    all.insert(all.end(), std::begin(kJudged), std::end(kJudged));
    return all;
  }();
  return names;
}

ImageScorer::ImageScorer(const ImageScoreOptions& options, const std::string& data, const std::string& split,
                         const std::string& reference)
    : options_(options), data_(data), split_(split), real_name_(reference.empty() ? data : reference) {
  has_rows_ = !data.empty() && fs::exists(metadata_file(data));
  if (!data.empty() && !reference.empty() && !has_rows_)
    throw UsageError("--data " + data + " and --reference are either real images; expected one of them");
  FeatureOptions& features = options_.features;
  if (!reference.empty()) {
    reference_ = read_reference(reference);
    if (features.features.empty() && !reference_->identity.is_null()) choose_as(features, reference_->identity);
  }
  choose_features(features, data, options.metrics.convention);
  extractor_ = make_extractor(features, embedded_scorer());
  if (!options.lpips_weights.empty()) {
    PretrainedWeights weights{fs::path(options.lpips_weights)};
    lpips_.emplace(weights, place_of(features).dtype(torch::kFloat32));
  }
  if (options.clip_weights.empty() != options.clip_merges.empty())
    throw UsageError("--clip-weights and --clip-merges go together");
  for (const std::string& weights : {options.clip_weights, options.lpips_weights})
    if (!weights.empty() && !has_rows_)
      throw UsageError(weights + ": these weights are for rows, of --data DIR with metadata.jsonl");
  if (has_rows_) {
    dataset_.emplace(make_scorer(features, embedded_scorer()));
    if (!options.clip_weights.empty()) clip_.emplace(options.clip_weights, options.clip_merges, place_of(features));
  }
  if (!has_rows_ && !features.scorer.empty() && features.features != "dataset")
    throw UsageError("--scorer is of the features dataset, or of --data DIR with metadata.jsonl");
  check_metrics();
  if (!reference.empty()) {
    check_identity(reference_->identity, reference, extractor_->identity(), "the images");
  } else if (!data.empty() && (options_.metrics.metrics.empty() || !of_features(options_.metrics.metrics).empty())) {
    real_files_ = real_images(data, split);
    real_ = features_of(real_files_, data);
  }
}

void ImageScorer::check_metrics() const {
  check_options(options_.metrics);
  for (const std::string& metric : of_features(options_.metrics.metrics)) {
    if (metric == "is" && !extractor_->classifies())
      throw UsageError("--metrics is needs class logits, which the features " + options_.features.features +
                       " have none of; expected --features inception or efficientnet-lite0");
    if (metric == "is") continue;
    if (real_name_.empty()) throw UsageError("--metrics " + metric + " needs real images: --data or --reference");
    if (reference_ && !reference_->rows.defined() && metric != "fid" && metric != "fid_infinity")
      throw UsageError("--metrics " + metric + " needs rows of features, which " + real_name_ +
                       " has none of; `evaluate reference --rows` keeps them");
  }
  for (const std::string& metric : options_.metrics.metrics) {
    if (std::find(row_metric_names().begin(), row_metric_names().end(), metric) == row_metric_names().end()) continue;
    if (!has_rows_)
      throw UsageError("--metrics " + metric + " needs --data DIR with metadata.jsonl, whose rows the images answer");
    if (metric == "lpips" && !lpips_) throw UsageError("--metrics lpips needs --lpips-weights FILE");
    if (metric == "clip_score" && !clip_)
      throw UsageError("--metrics clip_score needs --clip-weights FILE and --clip-merges FILE");
  }
}

ExtractedSet ImageScorer::features_of(const std::vector<fs::path>& files, const std::string& what) const {
  Progress progress("features of " + what, static_cast<std::int64_t>(files.size()));
  ExtractionOptions extraction;
  extraction.batch_size = options_.batch_size;
  extraction.workers = options_.workers;
  extraction.on_progress = [&](std::int64_t done, std::int64_t) { progress.update(done); };
  ExtractedSet set = extract_all(*extractor_, files, extraction);
  progress.finish();
  if (!set.rows.features.defined()) throw Error(what + ": no image can be read: " + set.damaged.front().second);
  return set;
}

bool ImageScorer::wanted(const std::string& metric) const {
  const std::vector<std::string>& asked = options_.metrics.metrics;
  return asked.empty() || std::any_of(asked.begin(), asked.end(), [&](const std::string& name) {
           return metric == name || metric.rfind(name + "_", 0) == 0;
         });
}

RowMetrics ImageScorer::rows_of(const AnsweredRows& answered) const {
  RowMetricsOptions options;
  const auto judges = [&](const std::string& judge) {
    return std::any_of(std::begin(kJudged), std::end(kJudged),
                       [&](const std::string& metric) { return wanted(metric + "_" + judge); });
  };
  options.dataset = dataset_ && judges("dataset") ? &*dataset_ : nullptr;
  options.clip = clip_ && (judges("clip") || wanted("clip_score")) ? &*clip_ : nullptr;
  options.lpips = lpips_ ? &*lpips_ : nullptr;
  options.candidates = options_.candidates;
  options.seed = options_.bootstrap.seed;
  options.workers = options_.workers;
  Progress progress("rows", static_cast<std::int64_t>(answered.rows.size()));
  options.on_progress = [&](std::int64_t done, std::int64_t) { progress.update(done); };
  RowMetrics found = row_metrics(answered, data_, options);
  progress.finish();
  for (RowValues* values : {&found.values, &found.other_text, &found.other_prompt})
    for (auto value = values->begin(); value != values->end();)
      value = wanted(value->first) ? std::next(value) : values->erase(value);
  for (auto metric = found.too_small.begin(); metric != found.too_small.end();)
    metric = wanted(metric->first) ? std::next(metric) : found.too_small.erase(metric);
  return found;
}

ImageScores ImageScorer::score(const std::string& generated, const std::string& beside) const {
  ImageScores scores;
  scores.feature_name = extractor_->name();
  AnsweredRows answered;
  if (has_rows_) {
    answered = answered_rows(generated, data_, split_);
    if (!beside.empty()) keep_answered(answered, beside);
    for (const Row& row : answered.rows) scores.ids.push_back(row.id);
    scores.files = answered.images;
    scores.missing = answered.missing;
    scores.unasked = answered.unasked;
    scores.faults = answered.faults;
  } else {
    scores.files = image_files(generated);
  }
  const std::vector<std::string>& asked = options_.metrics.metrics;
  if (asked.empty() || !of_features(asked).empty()) add_features(scores, answered, generated);
  if (has_rows_ && (asked.empty() || of_features(asked).size() < asked.size())) add_rows(scores, answered, generated);
  scores.json["conventions"] = conventions(scores);
  return scores;
}

FeatureSets ImageScorer::sets_of(const ImageScores& scores, const std::string& generated) const {
  FeatureSets sets;
  sets.generated = {scores.features.rows.features, {}, generated};
  sets.logits = {scores.features.rows.logits, {}, generated};
  if (reference_ && reference_->rows.defined()) {
    sets.real = {reference_->rows, {}, real_name_};
  } else if (reference_) {
    sets.real = {{}, reference_->statistics, real_name_};
  } else if (real_.rows.features.defined()) {
    sets.real = {real_.rows.features, {}, real_name_};
  }
  return sets;
}

// Each image beside its own target, where no two have the same.
void ImageScorer::pair(FeatureSets& sets, ImageScores& scores, const AnsweredRows& answered) const {
  const fs::path metadata = metadata_file(data_);
  std::map<fs::path, std::int64_t> place;
  for (std::size_t i = 0; i < real_.numbers.size(); ++i)
    place[real_files_[real_.numbers[i]]] = static_cast<std::int64_t>(i);
  std::map<fs::path, std::string> owner;
  std::vector<std::int64_t> targets;
  for (const std::size_t number : scores.features.numbers) {
    const Row& row = answered.rows[number];
    const fs::path target = metadata.parent_path() / row.target_file_name;
    const auto own = place.find(target);
    const auto [first, alone] = owner.emplace(target, row.id);
    if (own != place.end() && alone) {
      targets.push_back(own->second);
      continue;
    }
    scores.unpaired.push_back(metadata.string() + ":" + std::to_string(row.line) + ": row \"" + row.id + "\": " +
                              (alone ? "target " + row.target_file_name + " can't be read"
                                     : "the target of row \"" + first->second + "\", " + row.target_file_name));
  }
  sets.paired = scores.unpaired.empty();
  if (sets.paired) sets.real.rows = real_.rows.features.index_select(0, torch::tensor(targets));
}

// What was asked for, or all that the sets allow and that doesn't have to be asked for.
std::vector<std::string> ImageScorer::feature_metrics_of(const FeatureSets& sets) const {
  if (!options_.metrics.metrics.empty()) return of_features(options_.metrics.metrics);
  std::vector<std::string> metrics;
  if (!real_name_.empty()) metrics.push_back("fid");
  if (sets.real.rows.defined()) metrics.insert(metrics.end(), {"kid", "prdc"});
  if (sets.real.rows.defined() && extractor_->name() == "clip") metrics.push_back("cmmd");
  if (sets.logits.rows.defined()) metrics.push_back("is");
  return metrics;
}

void ImageScorer::add_features(ImageScores& scores, const AnsweredRows& answered, const std::string& generated) const {
  scores.features = features_of(scores.files, generated);
  for (const auto& [number, reason] : scores.features.damaged) scores.damaged.push_back(reason);
  FeatureSets sets = sets_of(scores, generated);
  const bool of_targets = has_rows_ && !reference_ && sets.real.rows.defined();
  if (of_targets) pair(sets, scores, answered);
  FeatureMetricOptions options = options_.metrics;
  options.forgiving = options.metrics.empty();
  options.metrics = feature_metrics_of(sets);
  if (options.metrics.empty()) return;
  scores.json = feature_metrics(sets, options, extractor_->name(), &scores.estimates);
  const std::string of_logits = metric_name("is", extractor_->name());
  if (of_targets)
    for (auto& [name, metric] : scores.json.items())
      if (name != of_logits) metric["paired"] = sets.paired;
}

void ImageScorer::add_rows(ImageScores& scores, const AnsweredRows& answered, const std::string& generated) const {
  const bool asked = !options_.metrics.metrics.empty();
  try {
    scores.rows = rows_of(answered);
    if (asked) check_scored(*scores.rows, generated);
  } catch (const Error& error) {
    if (asked) throw;
    scores.warnings.push_back(error.what());
    return;
  }
  for (const std::string& reason : scores.rows->damaged)
    if (std::find(scores.damaged.begin(), scores.damaged.end(), reason) == scores.damaged.end())
      scores.damaged.push_back(reason);
  const std::vector<std::string> warnings = warnings_of(*scores.rows);
  scores.warnings.insert(scores.warnings.end(), warnings.begin(), warnings.end());
  for (const auto& [name, values] : scores.rows->values)
    scores.json[name] = json_of(name, *scores.rows, options_.bootstrap);
  const auto add = [&](const char* input, const RowValues& swapped) {
    if (!swapped.empty())
      scores.json["sensitivity"]["scoring"][input] = drops(*scores.rows, swapped, options_.bootstrap);
  };
  add("text", scores.rows->other_text);
  add("image", scores.rows->other_prompt);
}

RowMetrics ImageScorer::score_rows(const std::string& generated) const {
  RowMetrics rows = rows_of(answered_rows(generated, data_, split_));
  check_scored(rows, generated);
  return rows;
}

Json ImageScorer::conventions(const ImageScores& scores) const {
  Json json = extractor_->identity();
  if (scores.rows) {
    Json judges = Json::array();
    if (dataset_) judges.push_back("dataset");
    if (clip_) judges.push_back("clip");
    json["judges"] = judges;
    if (scores.rows->candidates > 0) json["candidates"] = scores.rows->candidates;
  }
  if (options_.features.dtype != "bfloat16" || !scores.features.rows.features.defined()) return json;
  FeatureOptions exact = options_.features;
  exact.dtype = "float32";
  std::vector<fs::path> readable;
  for (const std::size_t number : scores.features.numbers) readable.push_back(scores.files[number]);
  const RoundingEffect effect =
      effect_of_rounding(*make_extractor(exact, embedded_scorer()), readable, scores.features.rows.features);
  Json& changed = json["bfloat16"] = {{"images", effect.images}, {"relative_error", effect.relative_error}};
  if (effect.distance) changed["distance"] = *effect.distance;
  std::cerr << "cigli: " << to_line(effect) << "\n";
  return json;
}

}  // namespace cigli
