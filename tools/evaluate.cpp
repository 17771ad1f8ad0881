#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "eval/comparison.h"
#include "eval/consistency.h"
#include "eval/generated.h"
#include "eval/metrics/feature_metrics.h"
#include "eval/nlvr1/report.h"
#include "eval/nlvr1/score.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/npy.h"
#include "tools/commands.h"
#include "tools/evaluation_report.h"
#include "tools/image_scores.h"
#include "tools/score_differences.h"
#include "tools/score_table.h"

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

struct EvaluateOptions {
  std::string generated, data, reference, compare, swapped_text, swapped_image, training, split, out, rows, html;
  bool json = false, present_only = false;
  std::int64_t threads = 0, resamples = 2000, seed = 0;
  std::string real_features, generated_features, real_stats, generated_stats, logits;
  ImageScoreOptions images;

  void visit(Fields& f) {
    std::vector<std::string> names{"consistency", "nlvr1"};
    for (const auto* more : {&feature_metric_names(), &row_metric_names()})
      names.insert(names.end(), more->begin(), more->end());
    f("generated", generated, "folder of generated images, <id>.png each");
    f("data", data, "dataset folder that the images answer to, or a folder of real images");
    f("reference", reference, "or statistics of real images: .npz of `evaluate reference`, or of pytorch-fid");
    f("metrics", images.metrics.metrics, "which metrics (default: all that can be had)", Choices{names});
    f("compare", compare, "another folder of generated images: the differences, with their intervals");
    f("swapped_text", swapped_text, "images that `generate --swap text` made: what another row's sentence costs");
    f("swapped_image", swapped_image, "images that `generate --swap image` made: the same of the prompt");
    f("training", training,
      "training dataset, of which rows of split train count, or those without a split: its nearest images (--html), "
      "and which sentences it has (NLVR v1)");
    f("split", split, "rows of this split alone");
    f("json", json, "print the scores as JSON instead of a table");
    f("out", out, "also write the scores to this JSON file");
    f("rows", rows, "also write one line a row to this JSONL file: needs rows (--data) and a metric of them");
    f("html", html, "also write a page to look at: scores, nearest images, best and worst rows");
    f("present_only", present_only, "leave rows without an image out; else they count as failures");
    f("resamples", resamples, "bootstrap resamples behind an interval", Range{100, 1e6});
    f("seed", seed, "seed of the bootstrap", Range{0, 9e18});
    f("threads", threads, "threads, 0 = all cores", Range{0, 4096});
    f("real_features", real_features, "in place of images: features of real ones, .npy [N, D]");
    f("generated_features", generated_features, "features of generated images, .npy [N, D]");
    f("real_stats", real_stats, "or their statistics, .npz with mu [D] and sigma [D, D]");
    f("generated_stats", generated_stats, "statistics of generated images, .npz");
    f("logits", logits, "class logits of generated images, .npy [N, K]");
    images.metrics.visit(f);
    images.visit(f);
  }
  // Whether one of these metrics is asked for, or none is named.
  bool wants(const std::vector<std::string>& metrics) const {
    const std::vector<std::string>& asked = images.metrics.metrics;
    return asked.empty() || std::any_of(metrics.begin(), metrics.end(), [&](const std::string& metric) {
             return std::find(asked.begin(), asked.end(), metric) != asked.end();
           });
  }
  bool of_arrays() const {
    for (const std::string* file : {&real_features, &generated_features, &real_stats, &generated_stats, &logits})
      if (!file->empty()) return true;
    return false;
  }
};

void warn_about(const std::string& what, const std::vector<std::string>& items) {
  constexpr std::size_t shown = 5;
  if (items.empty()) return;
  std::cerr << "cigli: warning: " << items.size() << " " << what << ": ";
  for (std::size_t i = 0; i < std::min(shown, items.size()); ++i) std::cerr << (i ? "; " : "") << items[i];
  std::cerr << (items.size() > shown ? "; ..." : "") << "\n";
}

std::vector<Json> lines_of(const std::vector<RowScore>& rows) {
  std::set<std::string> clusters;
  for (const RowScore& row : rows) clusters.insert(row.cluster);
  std::vector<Json> lines;
  for (const RowScore& row : rows) {
    Json line{{"id", row.id}, {"family", row.family}, {"holds", row.value == 1}};
    if (row.seen) line["seen"] = *row.seen;
    if (row.paraphrase_seen) line["paraphrase_seen"] = *row.paraphrase_seen;
    line["reason"] = row.reason;
    if (clusters.size() < rows.size()) line["cluster"] = row.cluster;
    lines.push_back(std::move(line));
  }
  return lines;
}

std::vector<Json> lines_of(const std::vector<Nlvr1Verdict>& verdicts) {
  std::vector<Json> lines;
  for (const Nlvr1Verdict& row : verdicts) lines.push_back(to_json(row));
  return lines;
}

// Adds the metrics of rows to the lines of their ids, or lines of their own.
void add_lines(std::vector<Json>& lines, const RowMetrics& rows) {
  std::map<std::string, std::size_t> place;
  for (std::size_t i = 0; i < lines.size(); ++i) place[lines[i]["id"]] = i;
  for (std::size_t i = 0; i < rows.ids.size(); ++i) {
    const auto [found, added] = place.emplace(rows.ids[i], lines.size());
    if (added) lines.push_back({{"id", rows.ids[i]}});
    Json& line = lines[found->second];
    for (const auto& [name, values] : rows.values) line[name] = std::isfinite(values[i]) ? Json(values[i]) : Json();
  }
}

// What a metric leaves to be printed and written.
struct EvaluateOutcome {
  Json json;
  std::string table;
  std::vector<Json> rows;
  int code = 0;
  std::vector<RowScore> consistency;    // of synthetic rows
  std::vector<std::string> unanswered;  // those of them without an image
  std::optional<Nlvr1Score> nlvr1;
};

BootstrapOptions bootstrap_of(const EvaluateOptions& options) {
  BootstrapOptions bootstrap;
  bootstrap.resamples = options.resamples;
  bootstrap.seed = static_cast<std::uint64_t>(options.seed);
  return bootstrap;
}

// `fate`: what becomes of rows without an image.
template <class Scores>
void warn_about_rows(const Scores& scores, const std::string& fate) {
  warn_about("rows of the dataset cannot be used and are not scored", scores.faults);
  warn_about("images are missing and " + fate, scores.missing);
  warn_about("images are damaged and count as failures", scores.damaged);
}

// 3 where something could not be used.
template <class Scores>
int exit_code(const Scores& scores, bool present_only) {
  const bool all_there = scores.damaged.empty() && (scores.missing.empty() || present_only);
  return scores.faults.empty() && all_there ? 0 : 3;
}

std::string fate_of_missing(const EvaluateOptions& options) {
  return options.present_only ? "not scored" : "count as failures";
}

EvaluateOutcome evaluate_consistency(const EvaluateOptions& options, const std::string& fate) {
  ConsistencyOptions scoring;
  scoring.split = options.split;
  scoring.present_only = options.present_only;
  scoring.threads = options.threads;
  scoring.bootstrap = bootstrap_of(options);
  const Consistency scores = score_consistency(options.generated, options.data, scoring);
  warn_about_rows(scores, fate);
  return {{{"consistency", to_json(scores)}},
          to_table(scores),
          lines_of(scores.rows),
          exit_code(scores, options.present_only),
          scores.rows,
          scores.missing,
          std::nullopt};
}

Nlvr1Score nlvr1_scores(const EvaluateOptions& options, const std::string& fate) {
  Nlvr1ScoreOptions scoring;
  scoring.split = options.split;
  scoring.training = options.training;
  scoring.present_only = options.present_only;
  scoring.threads = options.threads;
  scoring.bootstrap = bootstrap_of(options);
  Nlvr1Score scores = score_nlvr1(options.generated, options.data, scoring);
  warn_about_rows(scores, fate);
  return scores;
}

EvaluateOutcome evaluate_nlvr1(const EvaluateOptions& options) {
  const Nlvr1Score scores = nlvr1_scores(options, fate_of_missing(options));
  warn_about("rows without structured_rep have no truth", scores.undescribed);
  return {{{"nlvr1", to_json(scores)}},
          to_table(scores),
          lines_of(scores.verdicts),
          exit_code(scores, options.present_only),
          {},
          {},
          scores};
}

// What the synthetic world, or NLVR v1's sentences, say of the images.
EvaluateOutcome evaluate_truth(const EvaluateOptions& options) {
  const bool rows = !options.data.empty() && std::filesystem::exists(metadata_file(options.data));
  const bool nlvr1 = rows && has_nlvr1_rows(options.data);
  if (!nlvr1 && options.html.empty() && !options.training.empty())
    throw UsageError("--training is for --html, and for datasets of cigli data import nlvr; " + options.data +
                     " is none");
  if (nlvr1 && options.wants({"nlvr1"})) return evaluate_nlvr1(options);
  if (rows && !nlvr1 && has_programs(options.data) && options.wants({"consistency"}))
    return evaluate_consistency(options, fate_of_missing(options));
  for (const std::string& metric : options.images.metrics.metrics)
    if (metric == "consistency" || metric == "nlvr1")
      throw UsageError("--metrics " + metric + " is for " +
                       (metric == "nlvr1" ? "datasets of cigli data import nlvr" : "synthetic datasets") + "; " +
                       (options.data.empty() ? "give one as --data" : options.data + " is none"));
  return {};
}

void warn_about_images(const ImageScores& scores, bool present_only, EvaluateOutcome& outcome) {
  warn_about("rows of the dataset cannot be used and are not scored", scores.faults);
  warn_about("images are missing and not scored", scores.missing);
  warn_about("images are damaged and not scored", scores.damaged);
  const bool all_there = scores.damaged.empty() && (scores.missing.empty() || present_only);
  if (!scores.faults.empty() || !all_there) outcome.code = 3;
}

// What consistency doesn't list.
void warn_about_metrics(const ImageScores& scores, EvaluateOutcome& outcome) {
  warn_about("rows are not scored, or not by every metric", scores.warnings);
  warn_about("rows keep images from being paired with their targets; distances are those of independent sets",
             scores.unpaired);
  if (!scores.warnings.empty()) outcome.code = 3;
}

// The consistency of `outcome` less that of another folder, over the rows that both answer.
std::optional<Score> consistency_difference(EvaluateOptions options, const std::string& folder,
                                            EvaluateOutcome& outcome) {
  if (outcome.consistency.empty()) return std::nullopt;
  options.generated = folder;
  EvaluateOutcome other = evaluate_consistency(options, "not compared");
  outcome.code = std::max(outcome.code, other.code);
  std::set<std::string> unanswered(outcome.unanswered.begin(), outcome.unanswered.end());
  unanswered.insert(other.unanswered.begin(), other.unanswered.end());
  const auto answered = [&](std::vector<RowScore> rows) {
    const auto left_out = [&](const RowScore& row) { return unanswered.count(row.id) != 0; };
    rows.erase(std::remove_if(rows.begin(), rows.end(), left_out), rows.end());
    return rows;
  };
  const std::vector<RowScore> ours = answered(outcome.consistency), theirs = answered(std::move(other.consistency));
  if (ours.empty() && theirs.empty())
    throw Error(folder + ": none of its images answers a row that the other folder answers, too");
  return paired_difference(ours, theirs, bootstrap_of(options)).all;
}

// The same of NLVR v1: the truth of the sentences.
std::optional<Score> nlvr1_difference(EvaluateOptions options, const std::string& folder, EvaluateOutcome& outcome) {
  if (!outcome.nlvr1) return std::nullopt;
  options.generated = folder;
  options.training.clear();
  const Nlvr1Score other = nlvr1_scores(options, "not compared");
  outcome.code = std::max(outcome.code, exit_code(other, options.present_only));
  const Nlvr1Number apart = truth_difference(*outcome.nlvr1, other, bootstrap_of(options));
  return Score{apart.value, apart.n, apart.interval, apart.clusters};
}

// Of what evaluate_truth found, by its name.
std::map<std::string, Score> truth_differences(const EvaluateOptions& options, const std::string& folder,
                                               EvaluateOutcome& outcome) {
  std::map<std::string, Score> all;
  if (const auto apart = consistency_difference(options, folder, outcome)) all["consistency"] = *apart;
  if (const auto apart = nlvr1_difference(options, folder, outcome)) all["nlvr1"] = *apart;
  return all;
}

void add_swapped(const EvaluateOptions& options, const std::string& input, const std::string& folder,
                 const std::optional<ImageScorer>& scorer, const ImageScores& scores, EvaluateOutcome& outcome) {
  if (folder.empty()) return;
  Json found;
  for (const auto& [name, drop] : truth_differences(options, folder, outcome)) {
    const Json score = to_json(drop);
    found[name] = {{"drop", score["accuracy"]}, {"n", score["n"]}, {"ci", score["ci"]}};
    add_clusters(drop, found[name]);
  }
  if (scores.rows) {
    const RowMetrics rows = scorer->score_rows(folder);
    warn_about("images of " + folder + " are damaged and not scored", rows.damaged);
    warn_about("rows of " + folder + " are not scored, or not by every metric", warnings_of(rows));
    if (!rows.damaged.empty() || !warnings_of(rows).empty()) outcome.code = 3;
    const Json of_rows = drops(*scores.rows, rows, bootstrap_of(options));
    for (const auto& [name, drop] : of_rows.items()) found[name] = drop;
  }
  if (found.is_null())
    throw UsageError(folder + ": swapped images are scored row by row; no metric of rows is asked for");
  outcome.json["sensitivity"]["generation"][input] = std::move(found);
}

void add_difference(const EvaluateOptions& options, const std::optional<ImageScorer>& scorer, const ImageScores& scores,
                    EvaluateOutcome& outcome) {
  if (options.compare.empty()) return;
  Json all;
  for (const auto& [name, apart] : truth_differences(options, options.compare, outcome))
    all[name] = difference_of(apart);
  if (scorer) {
    ImageScores other = scorer->score(options.compare, options.generated);
    warn_about_images(other, options.present_only, outcome);
    warn_about_metrics(other, outcome);
    const Json of_images = difference(scores, other, bootstrap_of(options));
    for (const auto& [name, metric] : of_images.items()) all[name] = metric;
    outcome.json["compared"] = std::move(other.json);
  }
  for (const auto& [name, metric] : all.items())
    if (metric.contains("warning"))
      std::cerr << "cigli: warning: " << name << ": " << metric["warning"].get<std::string>() << "\n";
  outcome.table += difference_table(all);
  outcome.json["difference"] = std::move(all);
}

void write_page(const EvaluateOptions& options, const ImageScorer& scorer, const ImageScores& scores,
                const Json& json) {
  std::vector<std::filesystem::path> files = scorer.real_files();
  ExtractedSet searched = scorer.real();
  if (!options.training.empty()) {
    files = training_images(options.training);
    searched = scorer.features_of(files, options.training);
  }
  write_evaluation_page(options.html, {json, scores, searched, files, options.training, options.generated, options.data,
                                       options.split, "Scores of " + options.generated});
}

ImageScores score_images(const EvaluateOptions& options, const ImageScorer& scorer, EvaluateOutcome& outcome) {
  std::vector<std::string> damaged;
  for (const auto& [number, reason] : scorer.real().damaged) damaged.push_back(reason);
  warn_about("real images are damaged and left out", damaged);
  if (!damaged.empty()) outcome.code = 3;
  ImageScores scores = scorer.score(options.generated, options.compare);
  if (outcome.table.empty()) warn_about_images(scores, options.present_only, outcome);
  warn_about_metrics(scores, outcome);
  warn_about("images answer no row of the dataset and are not scored", scores.unasked);
  for (const auto& [name, metric] : scores.json.items()) outcome.json[name] = metric;
  if (scores.rows) add_lines(outcome.rows, *scores.rows);
  return scores;
}

// Of metrics of sets alone, --rows would write an empty file.
void refuse_rows_of_sets(const EvaluateOptions& options) {
  if (options.rows.empty()) return;
  std::vector<std::string> of_rows = row_metric_names();
  of_rows.insert(of_rows.end(), {"consistency", "nlvr1"});
  const bool has_rows = !options.data.empty() && std::filesystem::exists(metadata_file(options.data));
  if (!has_rows || !options.wants(of_rows))
    throw UsageError("--rows " + options.rows + " gets a line a row; it needs --data DIR with metadata.jsonl" +
                     (has_rows ? " and a metric of rows, as --metrics consistency, nlvr1 or ssim" : ""));
}

EvaluateOutcome evaluate_images(const EvaluateOptions& options) {
  for (const std::string* folder : {&options.compare, &options.swapped_text, &options.swapped_image, &options.training})
    if (!folder->empty() && !std::filesystem::exists(*folder)) throw Error(*folder + ": no such folder");
  const bool alone = options.data.empty() && options.reference.empty();
  if (options.generated.empty() || (alone && options.images.metrics.metrics.empty()))
    throw UsageError("evaluate needs --generated and --data or --reference, or arrays (--real-features, ...)");
  refuse_rows_of_sets(options);
  if (!options.html.empty() && !options.training.empty())
    training_images(options.training);  // complains before the work
  EvaluateOutcome outcome = evaluate_truth(options);
  std::optional<ImageScorer> scorer;
  ImageScores scores;
  if (options.wants(feature_metric_names()) || options.wants(row_metric_names())) {
    ImageScoreOptions scoring = options.images;
    scoring.bootstrap = bootstrap_of(options);
    scorer.emplace(scoring, options.data, options.split, options.reference);
    scores = score_images(options, *scorer, outcome);
  } else if (!options.html.empty()) {
    throw UsageError("--html is of metrics of images; --metrics names none");
  }
  add_swapped(options, "text", options.swapped_text, scorer, scores, outcome);
  add_swapped(options, "image", options.swapped_image, scorer, scores, outcome);
  outcome.table += (outcome.table.empty() ? "" : "\n") + score_table(outcome.json);
  add_difference(options, scorer, scores, outcome);
  if (!options.html.empty()) write_page(options, *scorer, scores, outcome.json);
  return outcome;
}

// `identity` says of which features statistics are, those of `identity_of`; other ones are refused.
FeatureSide side_of(const std::string& features, const std::string& statistics, Json& identity,
                    std::string& identity_of) {
  FeatureSide side;
  if (!features.empty() && !statistics.empty())
    throw UsageError(features + " and " + statistics + ": features and statistics of one side, expected one of them");
  if (!features.empty()) {
    side.name = features;
    side.rows = read_npy(features);
  } else if (!statistics.empty()) {
    side.name = statistics;
    const Reference reference = read_reference(statistics);
    side.statistics = reference.statistics;
    side.count = reference.n;
    if (!identity.is_null()) check_identity(identity, identity_of, reference.identity, statistics);
    if (identity.is_null()) identity = reference.identity;
    identity_of = statistics;
  }
  return side;
}

// What is of images alone and would say nothing beside arrays.
void refuse_options_of_images(const EvaluateOptions& options) {
  const FeatureOptions& features = options.images.features;
  const std::pair<const char*, const std::string*> given[] = {{"--generated", &options.generated},
                                                              {"--data", &options.data},
                                                              {"--reference", &options.reference},
                                                              {"--compare", &options.compare},
                                                              {"--swapped-text", &options.swapped_text},
                                                              {"--swapped-image", &options.swapped_image},
                                                              {"--training", &options.training},
                                                              {"--split", &options.split},
                                                              {"--rows", &options.rows},
                                                              {"--html", &options.html},
                                                              {"--features", &features.features},
                                                              {"--weights", &features.weights},
                                                              {"--scorer", &features.scorer},
                                                              {"--resampling", &features.resampling},
                                                              {"--clip-weights", &options.images.clip_weights},
                                                              {"--clip-merges", &options.images.clip_merges},
                                                              {"--lpips-weights", &options.images.lpips_weights}};
  for (const auto& [name, value] : given)
    if (!value->empty()) throw UsageError(std::string(name) + " is of images, not of arrays; expected one of them");
  for (const std::string& metric : options.images.metrics.metrics) {
    const auto& known = feature_metric_names();
    if (std::find(known.begin(), known.end(), metric) == known.end())
      throw UsageError("--metrics " + metric + " is of images, not of arrays");
  }
}

EvaluateOutcome evaluate_arrays(const EvaluateOptions& options) {
  refuse_options_of_images(options);
  Json identity;
  std::string identity_of;
  const FeatureSide real = side_of(options.real_features, options.real_stats, identity, identity_of);
  const FeatureSide generated = side_of(options.generated_features, options.generated_stats, identity, identity_of);
  const FeatureSets sets{real, generated, side_of(options.logits, "", identity, identity_of)};
  if (sets.real.name.empty() != sets.generated.name.empty())
    throw UsageError((sets.real.name.empty() ? sets.generated.name : sets.real.name) +
                     ": one side alone; give --real-features or --real-stats, and --generated-features or "
                     "--generated-stats");
  // Rows of features may be of any; statistics of ours say of which.
  const bool named = real.statistics && generated.statistics && identity.is_object();
  std::string features = named ? identity.value("features", "") : "";
  std::replace(features.begin(), features.end(), '-', '_');
  FeatureMetricOptions metrics = options.images.metrics;
  metrics.forgiving = metrics.metrics.empty();
  const Json found = feature_metrics(sets, metrics, features);
  const auto failed = [](const Json& metric) { return metric.contains("value") && metric["value"].is_null(); };
  if (std::all_of(found.begin(), found.end(), failed))
    throw Error(found.empty() ? "no metric can be had of these arrays" : found.begin()->value("note", ""));
  return {found, score_table(found), {}, 0, {}, {}, std::nullopt};
}

void check_outputs(const EvaluateOptions& options) {
  std::set<std::string> files;
  for (const std::string* file : {&options.out, &options.rows, &options.html}) {
    if (file->empty()) continue;
    check_output(*file);
    if (!files.insert(std::filesystem::weakly_canonical(*file).string()).second)
      throw UsageError(*file + ": more than one of --out, --rows and --html would be written to it");
  }
}

}  // namespace

int run_evaluate(const Arguments& arguments) {
  const auto options = parse<EvaluateOptions>(arguments);
  set_threads(options.threads);
  check_outputs(options);
  const EvaluateOutcome outcome = options.of_arrays() ? evaluate_arrays(options) : evaluate_images(options);
  if (!options.out.empty()) write_file(options.out, outcome.json.dump(2) + "\n");
  if (!options.rows.empty()) {
    std::string lines;
    for (const Json& row : outcome.rows) lines += row.dump() + "\n";
    write_file(options.rows, lines);
  }
  std::cout << (options.json ? outcome.json.dump() + "\n" : outcome.table);
  return outcome.code;
}

}  // namespace cigli
