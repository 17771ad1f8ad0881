#include "eval/nlvr1/score.h"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include "dataset/derangement.h"
#include "dataset/image.h"
#include "dataset/parallel.h"
#include "eval/generated.h"
#include "eval/nlvr1/frechet.h"
#include "eval/nlvr1/language.h"
#include "eval/nlvr1/reader.h"
#include "eval/nlvr1/words.h"
#include "eval/rows.h"
#include "runtime/error.h"
#include "runtime/files.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

// One row with all that was read of it.
struct Case {
  std::string id, group, sentence;
  std::optional<Nlvr1Boxes> boxes;  // none: undescribed
  std::optional<BoxesTerm> says;    // none: unparsed
  std::optional<Nlvr1Reading> generated;
  Nlvr1Reading real;
  std::string fault, damage;  // why the row, or its image, can't be used; "" when it can
};

std::string source_of(const Row& row) {
  const auto source = row.object.find("source");
  return source != row.object.end() && source->is_string() ? source->get<std::string>() : "";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + " ";
  return text;
}

Case read_case(const Row& row, const Answers& answers, const fs::path& data) {
  Case found;
  found.id = row.id;
  found.group = cluster_of(row);
  found.sentence = joined(nlvr1_words(row.text));
  found.says = parse_nlvr1(row.text);
  const fs::path file = answers.to(row.id);
  std::int64_t side = 0;
  try {
    if (source_of(row) != "nlvr1") throw Error("source \"" + source_of(row) + "\", expected \"nlvr1\"");
    if (const auto boxes = row.object.find("structured_rep"); boxes != row.object.end())
      found.boxes = nlvr1_boxes(*boxes);
    if (!file.empty()) try {
        const Image image = read_image(file);
        found.generated = read_nlvr1_box(image);
        side = image.width;
      } catch (const Error& error) {
        const std::string reason = error.what();
        found.damage = reason.find(file.string()) == 0 ? reason : file.string() + ": " + reason;
      }
    const Image real = read_image(join_inside(image_folder(data), row.target_file_name, row.id));
    found.real = read_nlvr1_box(side > 0 ? resize(real, side, side) : real);
  } catch (const Error& error) {
    found.fault = error.what();
  }
  return found;
}

Nlvr1Number number_of(const std::vector<double>& above, const std::vector<double>& below,
                      const std::vector<std::string>& groups, const BootstrapOptions& bootstrap) {
  Nlvr1Number number;
  const double n = std::accumulate(below.begin(), below.end(), 0.0);
  number.n = static_cast<std::int64_t>(n);
  if (number.n == 0) return number;
  number.value = std::accumulate(above.begin(), above.end(), 0.0) / n;
  number.interval = bootstrap_ratio(above, below, groups, bootstrap);
  std::set<std::string> counted;
  for (std::size_t i = 0; i < below.size(); ++i)
    if (below[i] > 0) counted.insert(groups[i]);
  number.clusters = static_cast<std::int64_t>(counted.size());
  return number;
}

// The same for a share, of which resampling shows no spread where all agree.
Nlvr1Number share_of(const std::vector<double>& hits, const std::vector<double>& of,
                     const std::vector<std::string>& groups, const BootstrapOptions& bootstrap) {
  Nlvr1Number number = number_of(hits, of, groups, bootstrap);
  if (number.n == 0 || (number.value > 0 && number.value < 1)) return number;
  number.interval =
      share_interval(std::vector<double>(static_cast<std::size_t>(number.clusters), number.value), {}, bootstrap);
  return number;
}

bool has_truth(const Nlvr1Verdict& verdict) { return verdict.described && !verdict.form.empty(); }

using VerdictTest = std::function<bool(const Nlvr1Verdict&)>;

Nlvr1Truth truth_of(const std::vector<Nlvr1Verdict>& verdicts, const VerdictTest& counts,
                    const BootstrapOptions& bootstrap) {
  std::vector<double> generated, blank, random, real, over_blank, over_random, ones, lent;
  std::vector<std::string> groups;
  for (const Nlvr1Verdict& verdict : verdicts) {
    if (!has_truth(verdict) || !counts(verdict)) continue;
    groups.push_back(verdict.group);
    ones.push_back(1);
    generated.push_back(verdict.generated);
    blank.push_back(verdict.blank);
    random.push_back(verdict.random.value_or(false));
    lent.push_back(verdict.random.has_value());
    real.push_back(verdict.real);
    over_blank.push_back(double(verdict.generated) - double(verdict.blank));
    over_random.push_back(verdict.random ? double(verdict.generated) - double(*verdict.random) : 0);
  }
  Nlvr1Truth truth;
  truth.n = static_cast<std::int64_t>(groups.size());
  truth.sentences = static_cast<std::int64_t>(std::set<std::string>(groups.begin(), groups.end()).size());
  truth.generated = share_of(generated, ones, groups, bootstrap);
  truth.blank = share_of(blank, ones, groups, bootstrap);
  truth.random = share_of(random, lent, groups, bootstrap);
  truth.real = share_of(real, ones, groups, bootstrap);
  truth.over_blank = number_of(over_blank, ones, groups, bootstrap);
  truth.over_random = number_of(over_random, lent, groups, bootstrap);
  return truth;
}

// Shares of clear blobs, and of sentences that were read.
void count_blobs(Nlvr1Score& score, const BootstrapOptions& bootstrap) {
  std::vector<double> clear, blobs, real_clear, real_blobs, parsed, ones;
  std::vector<std::string> groups;
  for (const Nlvr1Verdict& verdict : score.verdicts) {
    groups.push_back(verdict.group);
    ones.push_back(1);
    parsed.push_back(!verdict.form.empty());
    clear.push_back(static_cast<double>(verdict.items));
    blobs.push_back(static_cast<double>(verdict.items + verdict.unclear));
    real_clear.push_back(static_cast<double>(verdict.real_items));
    real_blobs.push_back(static_cast<double>(verdict.real_items + verdict.real_unclear));
  }
  score.coverage = share_of(parsed, ones, groups, bootstrap);
  score.well_formed = share_of(clear, blobs, groups, bootstrap);
  score.real_well_formed = share_of(real_clear, real_blobs, groups, bootstrap);
}

// For each row the one that lends its real box; empty where there is but one row.
std::vector<std::size_t> lenders_of(const std::vector<Case>& cases, std::uint64_t seed) {
  if (cases.size() < 2) return {};
  std::vector<std::string> groups;
  for (const Case& one : cases) groups.push_back(one.group);
  return derangement(groups, seed);
}

Nlvr1Verdict judge(const Case& one, const Case* lender, const std::set<std::string>& training) {
  Nlvr1Verdict verdict;
  verdict.id = one.id;
  verdict.group = one.group;
  verdict.present = one.generated.has_value();
  verdict.described = one.boxes.has_value();
  verdict.known = training.count(one.sentence) > 0;
  if (one.generated) {
    verdict.items = static_cast<std::int64_t>(one.generated->items.size());
    verdict.unclear = static_cast<std::int64_t>(one.generated->unclear.size());
  }
  verdict.real_items = static_cast<std::int64_t>(one.real.items.size());
  verdict.real_unclear = static_cast<std::int64_t>(one.real.unclear.size());
  if (!one.says) return verdict;
  verdict.form = one.says->form;
  if (!one.boxes) return verdict;
  const auto with = [&](const Nlvr1Box& third) { return one.says->holds({(*one.boxes)[0], (*one.boxes)[1], third}); };
  verdict.generated = one.generated && with(one.generated->items);
  verdict.blank = with({});
  if (lender != nullptr) verdict.random = with(lender->real.items);
  verdict.real = with(one.real.items);
  return verdict;
}

std::set<std::string> sentences_of(const fs::path& dataset) {
  std::set<std::string> sentences;
  if (dataset.empty()) return sentences;
  scan_training_rows(dataset, [&](Row&& row) { sentences.insert(joined(nlvr1_words(row.text))); });
  return sentences;
}

// Reads every row and its images; rows that can't be used become faults.
std::vector<Case> read_cases(const fs::path& generated, const fs::path& data, const Nlvr1ScoreOptions& options,
                             Nlvr1Score& score) {
  const std::vector<Row> rows = scorable_rows(data, options.split, score.faults);
  std::vector<Case> all(rows.size());
  const Answers answers(generated);
  for_each_parallel(static_cast<std::int64_t>(rows.size()), options.threads, [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    all[at] = read_case(rows[at], answers, data);
  });
  const std::string file = metadata_file(data).string();
  std::vector<Case> cases;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!all[i].fault.empty()) {
      score.faults.push_back(file + ":" + std::to_string(rows[i].line) + ": " + all[i].fault);
      continue;
    }
    if (!all[i].damage.empty())
      score.damaged.push_back(all[i].damage);
    else if (!all[i].generated)
      score.missing.push_back(all[i].id);
    if (!all[i].boxes) score.undescribed.push_back(all[i].id);
    cases.push_back(std::move(all[i]));
  }
  if (cases.empty()) throw Error(file + ": no row can be scored; first: " + score.faults.front());
  if (score.missing.size() == cases.size())
    throw Error(generated.string() + ": none of the " + std::to_string(cases.size()) + " images is there, expected " +
                cases.front().id + ".png and so on");
  return cases;
}

}  // namespace

bool has_nlvr1_rows(const fs::path& data) {
  bool found = false;
  scan_metadata(
      data, [&](Row&& row) { found = found || source_of(row) == "nlvr1"; }, [](RowFault&&) {});
  return found;
}

Nlvr1Score score_nlvr1(const fs::path& generated, const fs::path& data, const Nlvr1ScoreOptions& options) {
  if (!fs::is_directory(generated)) throw Error(generated.string() + ": no such folder, expected generated images");
  Nlvr1Score score;
  const std::set<std::string> training = sentences_of(options.training);
  const std::vector<Case> cases = read_cases(generated, data, options, score);
  const std::vector<std::size_t> lenders = lenders_of(cases, options.bootstrap.seed);
  const std::set<std::string> missing(score.missing.begin(), score.missing.end());
  std::vector<Nlvr1Features> made, real;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    score.verdicts.push_back(judge(cases[i], lenders.empty() ? nullptr : &cases[lenders[i]], training));
    if (!cases[i].generated) continue;
    made.push_back(features_of(cases[i].generated->items));
    real.push_back(features_of(cases[i].real.items));
  }
  const VerdictTest counts = [&](const Nlvr1Verdict& verdict) {
    return !options.present_only || missing.count(verdict.id) == 0;
  };
  score.truth = truth_of(score.verdicts, counts, options.bootstrap);
  if (!options.training.empty()) {
    const auto of = [&](bool known) {
      const VerdictTest some = [&](const Nlvr1Verdict& verdict) { return counts(verdict) && verdict.known == known; };
      return truth_of(score.verdicts, some, options.bootstrap);
    };
    score.known = of(true);
    score.unknown = of(false);
  }
  count_blobs(score, options.bootstrap);
  if (!made.empty()) score.fd_items = frechet_distance(made, real);
  return score;
}

Nlvr1Number truth_difference(const Nlvr1Score& a, const Nlvr1Score& b, const BootstrapOptions& bootstrap) {
  std::set<std::string> missing(a.missing.begin(), a.missing.end());
  missing.insert(b.missing.begin(), b.missing.end());
  std::map<std::string, bool> others;
  for (const Nlvr1Verdict& verdict : b.verdicts)
    if (has_truth(verdict) && missing.count(verdict.id) == 0) others[verdict.id] = verdict.generated;
  std::vector<double> differences;
  std::vector<std::string> groups;
  for (const Nlvr1Verdict& verdict : a.verdicts) {
    const auto other = others.find(verdict.id);
    if (other == others.end()) continue;
    differences.push_back(double(verdict.generated) - double(other->second));
    groups.push_back(verdict.group);
  }
  const std::vector<double> ones(differences.size(), 1);
  Nlvr1Number number = number_of(differences, ones, groups, bootstrap);
  const bool agree =
      std::adjacent_find(differences.begin(), differences.end(), std::not_equal_to<>()) == differences.end();
  if (number.n == 0 || !agree) return number;
  number.interval = difference_interval(differences, groups, bootstrap);
  return number;
}

}  // namespace cigli
