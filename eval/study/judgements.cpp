#include "eval/study/judgements.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "dataset/csv.h"

namespace cigli {
namespace {

double value_of(const std::string& answer, StudyMode mode) {
  if (mode == StudyMode::single) return std::strtod(answer.c_str(), nullptr);
  if (answer == "left" || answer == "real") return 1;
  return answer == "right" || answer == "generated" ? 0 : 0.5;
}

// The same answer where the images have changed sides.
std::string mirrored(const std::string& answer) {
  return answer == "left" ? "right" : answer == "right" ? "left" : answer;
}

double share(std::int64_t passed, std::int64_t of) {
  return of == 0 ? 1 : static_cast<double>(passed) / static_cast<double>(of);
}

std::string failure_of(const RaterRecord& rater, const StudyExclusion& rules) {
  std::string failed;
  const auto check = [&](const char* what, std::int64_t passed, std::int64_t of, double least) {
    if (share(passed, of) < least)
      failed += (failed.empty() ? "" : "; ") + std::to_string(passed) + " of " + std::to_string(of) + " " + what;
  };
  check("attention checks", rater.attention_passed, rater.attention, rules.attention);
  check("obvious answers", rater.catches_passed, rater.catches, rules.catches);
  check("repeats", rater.repeats_passed, rater.repeats, rules.repeats);
  if (rater.median_seconds >= 0 && rater.median_seconds < rules.seconds)
    failed += (failed.empty() ? "" : "; ") + std::string("answers faster than the rule allows");
  return failed;
}

// -1 without values.
double median(std::vector<double> values) {
  if (values.empty()) return -1;
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

// Whether a spreadsheet would compute a cell; a number below 0 it only reads.
bool is_formula(const std::string& cell) {
  if (cell.empty() || std::string("=+-@").find(cell[0]) == std::string::npos) return false;
  return cell[0] != '-' || cell.find_first_not_of("0123456789.", 1) != std::string::npos;
}

class Join {
 public:
  explicit Join(const StudyKey& key) : key_(key) {
    for (std::size_t i = 0; i < key.items.size(); ++i) items_[key.items[i].id] = static_cast<std::int64_t>(i);
  }

  // Of single images an obvious one need but be rated in the lower half of the scale.
  bool passes(const std::string& answer, const StudyTrialKey& trial) const {
    if (trial.kind != "catch" || key_.mode != StudyMode::single) return answer == trial.expected;
    const std::vector<StudyAnswer>& scale = key_.questions[0].answers;
    return 2 * value_of(answer, key_.mode) <
           value_of(scale.front().key, key_.mode) + value_of(scale.back().key, key_.mode);
  }

  void add(const StudyResponse& response) {
    const auto [found, added] = numbers_.emplace(response.rater, static_cast<std::int64_t>(made_.raters.size()));
    if (added) made_.raters.push_back({response.rater, 0, 0, 0, 0, 0, 0, 0, 0, ""});
    if (added) seconds_.emplace_back();
    const std::int64_t rater = found->second;
    RaterRecord& record = made_.raters[static_cast<std::size_t>(rater)];
    std::map<std::pair<std::int64_t, std::string>, std::string> first;
    for (const StudyReply& reply : response.replies) first[{reply.position, reply.question}] = reply.answer;
    const auto& repeats = key_.repeats[static_cast<std::size_t>(response.list)];
    for (const StudyReply& reply : response.replies) {
      const StudyTrialKey& trial = key_.trials[static_cast<std::size_t>(reply.trial)];
      ++record.answers;
      if (reply.seconds >= 0) seconds_[static_cast<std::size_t>(rater)].push_back(reply.seconds);
      const bool passed = passes(reply.answer, trial);
      if (trial.kind == "attention") {
        ++record.attention;
        record.attention_passed += passed;
      } else if (trial.kind == "catch") {
        ++record.catches;
        record.catches_passed += passed;
      } else if (const auto repeat = repeats.find(reply.position); repeat != repeats.end()) {
        const auto before = first.find({repeat->second, reply.question});
        if (before == first.end()) continue;
        ++record.repeats;
        const bool sides = trial.systems.size() == 2;
        record.repeats_passed += before->second == (sides ? mirrored(reply.answer) : reply.answer);
      } else {
        made_.judged.push_back({reply.question, reply.answer, items_.at(trial.item), rater, trial.systems,
                                reply.seconds, response.list, reply.position, value_of(reply.answer, key_.mode)});
      }
    }
  }

  StudyJudgements result(bool exclude_failed) && {
    for (std::size_t i = 0; i < made_.raters.size(); ++i) {
      made_.raters[i].median_seconds = median(seconds_[i]);
      made_.raters[i].failed = failure_of(made_.raters[i], key_.exclusion);
    }
    if (exclude_failed)
      made_.judged.erase(
          std::remove_if(made_.judged.begin(), made_.judged.end(),
                         [&](const StudyJudgement& judgement) {
                           return !made_.raters[static_cast<std::size_t>(judgement.rater)].failed.empty();
                         }),
          made_.judged.end());
    return std::move(made_);
  }

 private:
  const StudyKey& key_;
  std::map<std::string, std::int64_t> items_, numbers_;
  std::vector<std::vector<double>> seconds_;  // of each rater
  StudyJudgements made_;
};

}  // namespace

StudyJudgements join_responses(const StudyResponses& responses, const StudyKey& key, bool exclude_failed) {
  Join join(key);
  for (const StudyResponse& response : responses.usable) join.add(response);
  return std::move(join).result(exclude_failed);
}

std::string judgement_table(const StudyResponses& responses, const StudyKey& key) {
  std::map<std::string, std::string> failed;
  for (const RaterRecord& rater : join_responses(responses, key).raters) failed[rater.name] = rater.failed;
  std::map<std::string, std::int64_t> lines;
  for (const StudyItem& item : key.items) lines[item.id] = item.line;
  std::string table = "response,rater,list,position,kind,question,answer,seconds,undone,expected,item,line";
  for (const char* side : {"left", "right"})
    for (const char* column : {"system", "image", "file", "sha256", "model", "seed"})
      table += std::string(",") + side + "_" + column;
  table += ",failed\n";
  for (const StudyResponse& response : responses.usable) {
    const auto& repeats = key.repeats[static_cast<std::size_t>(response.list)];
    for (const StudyReply& reply : response.replies) {
      const StudyTrialKey& trial = key.trials[static_cast<std::size_t>(reply.trial)];
      char seconds[32] = "";
      if (reply.seconds >= 0) std::snprintf(seconds, sizeof seconds, "%.1f", reply.seconds);
      std::vector<std::string> cells{response.source,
                                     response.rater,
                                     std::to_string(response.list),
                                     std::to_string(reply.position),
                                     repeats.count(reply.position) > 0 ? "repeat" : trial.kind,
                                     reply.question,
                                     reply.answer,
                                     seconds,
                                     std::to_string(reply.undone),
                                     trial.expected,
                                     trial.item,
                                     std::to_string(lines.at(trial.item))};
      for (const std::string& name : trial.images) {
        const StudyImage& image = key.images.at(name);
        cells.insert(cells.end(), {image.system, name, image.file.string(), image.file_hash, image.model, image.seed});
      }
      if (trial.images.size() == 1) cells.insert(cells.end(), 6, "");
      cells.push_back(failed.at(response.rater));
      for (std::string& cell : cells)
        if (is_formula(cell)) cell.insert(0, 1, '\'');
      table += csv_line(cells);
    }
  }
  return table;
}

}  // namespace cigli
