#include "eval/necessity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "eval/evidence.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/safetensors.h"
#include "training/data_order.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 3> kInputs = {"both", "text-only", "image-only"};

// The fold of each row: prompts in random order, each with all its rows into the fold that has fewest.
std::vector<std::int64_t> deal_folds(const Candidates& all, const NecessityOptions& options) {
  std::vector<std::int64_t> prompts(all.by_prompt().size()), fold(all.rows().size());
  std::iota(prompts.begin(), prompts.end(), 0);
  std::vector<std::int64_t> filled(static_cast<std::size_t>(options.folds));
  DataOrder order(prompts, static_cast<std::uint64_t>(options.seed));
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto& group = all.by_prompt()[static_cast<std::size_t>(order.at(static_cast<std::int64_t>(i)))];
    const auto to = std::min_element(filled.begin(), filled.end()) - filled.begin();
    for (const std::int64_t place : group) fold[static_cast<std::size_t>(place)] = to;
    filled[static_cast<std::size_t>(to)] += static_cast<std::int64_t>(group.size());
  }
  return fold;
}

std::uint64_t seed_of(const NecessityOptions& options, std::int64_t judge) {
  return static_cast<std::uint64_t>(options.seed * options.folds + judge);
}

std::string nats(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f nats", value);
  return text;
}

void decide(RowNecessity& row, double margin) {
  if (row.joint <= margin) {
    row.need = Need::undecided;
    row.reason = "sentence and prompt together don't tell the target from others: " + nats(row.joint);
  } else if (row.necessity() > margin) {
    row.need = Need::kept;
  } else {
    const bool text = row.text_only >= row.image_only;
    row.need = Need::dropped;
    row.reason = std::string("the ") + (text ? "sentence" : "prompt") +
                 " alone tells the target: " + nats(text ? row.text_only : row.image_only) + ", both " +
                 nats(row.joint);
  }
}

// What one scorer makes of the rows that were held out of its training, and of those that it judges: [D,N,K] each.
struct Scores {
  torch::Tensor held_out, judged;
};

// Scores by scorers, from the workspace where they are there already.
class Scorers {
 public:
  Scorers(const Pack& pack, const Alike& alike, const NecessityOptions& options, fs::path workspace)
      : pack_(pack), alike_(alike), options_(options), workspace_(std::move(workspace)) {
    if (workspace_.empty()) return;
    make_folder(workspace_);
    NecessityOptions copy = options;
    copy.margin = 0;  // any may be applied to what was judged
    std::uint64_t rows = static_cast<std::uint64_t>(pack.size());
    for (const auto* numbers : {&alike.prompt, &alike.text, &alike.target})
      for (const std::uint64_t number : *numbers) rows = (rows ^ number) * 0x9E3779B97F4A7C15;
    key_ = {{"options", write_json(fields_of(copy)).dump()}, {"rows", std::to_string(rows)}};
  }

  Scores scores(std::int64_t judge, const std::string& inputs, const std::vector<std::int64_t>& learned,
                const std::vector<std::int64_t>& judged, const std::function<void()>& on_step) {
    const fs::path file = workspace_ / ("scores-" + std::to_string(judge) + "-" + inputs + ".safetensors");
    if (!workspace_.empty() && fs::exists(file)) {
      if (const auto kept = read(file)) {
        for (std::int64_t i = 0; i < options_.training.steps; ++i) on_step();
        return *kept;
      }
    }
    std::vector<std::string> texts;
    for (const std::int64_t row : learned) texts.emplace_back(pack_.text(row));
    ScorerTraining training = options_.training;
    training.seed = seed_of(options_, judge);
    const Tokenizer tokenizer = Tokenizer::train(texts, training.architecture.text.vocabulary);
    const TrainedScorer scorer(pack_, alike_, learned, tokenizer, inputs, training, on_step);
    const auto of = [&](const std::vector<std::int64_t>& rows) {
      return scorer.scores(pack_, Candidates(alike_, rows), options_.draws);
    };
    const Scores found{of(scorer.held_out()), of(judged)};
    if (!workspace_.empty()) write_safetensors(file, {{{"held_out", found.held_out}, {"judged", found.judged}}, key_});
    return found;
  }

 private:
  // What a scorer with the same options left of the same rows.
  std::optional<Scores> read(const fs::path& file) const {
    try {
      const TensorFile kept = read_safetensors(file);
      if (kept.metadata == key_) return Scores{kept.tensors.at("held_out"), kept.tensors.at("judged")};
    } catch (const Error&) {  // damaged: judged again
    }
    return std::nullopt;
  }

  const Pack& pack_;
  const Alike& alike_;
  const NecessityOptions& options_;
  fs::path workspace_;
  std::map<std::string, std::string> key_;
};

// All that was said of a row: by judge, by inputs.
using Verdicts = std::vector<std::array<Evidence, kInputs.size()>>;

RowNecessity summary(const Verdicts& verdicts, double margin) {
  RowNecessity row;
  std::vector<double> needs;
  const auto judges = static_cast<double>(verdicts.size());
  for (const auto& [joint, text, image] : verdicts) {
    row.joint += joint.nats / judges;
    row.text_only += text.nats / judges;
    row.image_only += image.nats / judges;
    needs.push_back(joint.nats - std::max(text.nats, image.nats));
  }
  if (needs.size() == 2) row.spread = std::abs(needs[0] - needs[1]) / std::sqrt(2.0);
  decide(row, margin);
  return row;
}

Score accuracy(const std::vector<Verdicts>& all, const Clusters& clusters, std::size_t inputs) {
  std::vector<double> hits;
  for (const Verdicts& verdicts : all) {
    double sum = 0;
    for (const auto& evidence : verdicts) sum += evidence[inputs].first;
    hits.push_back(std::min(1.0, sum / static_cast<double>(verdicts.size())));
  }
  return score_of(hits, clusters);
}

}  // namespace

void NecessityOptions::visit(Fields& f) {
  f("folds", folds, "parts that the rows are dealt into, so that no scorer judges a row it learned from", Range{2, 64});
  f("steps", training.steps, "training steps of each scorer, of which there are three a fold", Range{1});
  f("batch_size", training.batch_size, "rows a training step", Range{2, 4096});
  f("learning_rate", training.learning_rate, "learning rate of the scorers", Range{0});
  f("candidates", training.candidates, "targets among which a row's own is to be found", Range{2, 4096});
  f("draws", draws, "sets of candidates a row is judged by", Range{1, 1000});
  f("margin", margin, "nats by which both inputs must tell a target better than one alone", Range{0, 100});
  f("seed", seed, "seed of folds, candidates and scorers", Range{0, 1e9});
}

const std::string& name(Need need) {
  static const std::vector<std::string> all = {"kept", "dropped", "undecided"};
  return all.at(static_cast<std::size_t>(need));
}

std::int64_t NecessityTable::count(Need need) const {
  return std::count_if(rows.begin(), rows.end(), [&](const RowNecessity& row) { return row.need == need; });
}

Json NecessityTable::json() const {
  double mean = 0;
  for (const RowNecessity& row : rows) mean += row.necessity() / static_cast<double>(rows.size());
  return {{"rows", rows.size()},
          {"kept", count(Need::kept)},
          {"dropped", count(Need::dropped)},
          {"undecided", count(Need::undecided)},
          {"accuracy",
           {{"joint", to_json(joint)},
            {"text_only", to_json(text_only)},
            {"image_only", to_json(image_only)},
            {"chance", chance}}},
          {"necessity", {{"mean", mean}, {"folds", folds}}}};
}

NecessityTable judge_necessity(const Pack& pack, const NecessityOptions& options, const fs::path& workspace,
                               const std::function<void(std::int64_t, std::int64_t)>& on_progress) {
  const Alike alike = find_alike(pack);
  std::vector<std::int64_t> everything(static_cast<std::size_t>(pack.size()));
  std::iota(everything.begin(), everything.end(), 0);
  const Candidates all(alike, everything);
  const auto prompts = static_cast<std::int64_t>(all.by_prompt().size());
  if (prompts < 2 * options.folds)
    throw Error("necessity is judged in " + std::to_string(options.folds) +
                " folds of the prompts, of which there are " + std::to_string(prompts) +
                " different ones; expected at least " + std::to_string(2 * options.folds));
  const std::vector<std::int64_t> fold = deal_folds(all, options);
  const auto rows_of = [&](const std::set<std::int64_t>& folds, bool in) {
    std::vector<std::int64_t> rows;
    for (const std::int64_t row : everything)
      if ((folds.count(fold[static_cast<std::size_t>(row)]) == 1) == in) rows.push_back(row);
    return rows;
  };

  Scorers scorers(pack, alike, options, workspace);
  std::vector<Verdicts> verdicts(everything.size());
  std::int64_t done = 0;
  const std::int64_t steps = options.folds * static_cast<std::int64_t>(kInputs.size()) * options.training.steps;
  const auto on_step = [&] {
    if (on_progress) on_progress(++done, steps);
  };
  NecessityTable table;
  for (std::int64_t judge = 0; judge < options.folds; ++judge) {
    std::set<std::int64_t> judged{judge};
    if (options.folds > 2) judged.insert((judge + 1) % options.folds);
    const std::vector<std::int64_t> learned = rows_of(judged, false), rows = rows_of(judged, true);
    for (const std::int64_t row : rows) verdicts[static_cast<std::size_t>(row)].emplace_back();
    std::vector<torch::Tensor> held_out, scores;
    for (const char* inputs : kInputs) {
      const Scores found = scorers.scores(judge, inputs, learned, rows, on_step);
      held_out.push_back(found.held_out);
      scores.push_back(found.judged);
    }
    for (std::size_t inputs = 0; inputs < kInputs.size(); ++inputs) {
      const bool joint = inputs == 0;
      const std::vector<Evidence> found = joint ? pooled_evidence(scores, pool_weights(held_out))
                                                : pooled_evidence({scores[inputs]}, pool_weights({held_out[inputs]}));
      for (std::size_t i = 0; i < rows.size(); ++i)
        verdicts[static_cast<std::size_t>(rows[i])].back()[inputs] = found[i];
    }
    const Candidates candidates(alike, rows);
    for (std::size_t place = 0; place < rows.size(); ++place)
      table.chance += 1.0 / static_cast<double>(candidates
                                                    .draw(static_cast<std::int64_t>(place), options.training.candidates,
                                                          seed_of(options, judge), 0)
                                                    .size());
  }

  Clusters clusters(everything.size());
  for (std::size_t group = 0; group < all.by_prompt().size(); ++group)
    for (const std::int64_t row : all.by_prompt()[group])
      clusters[static_cast<std::size_t>(row)] = std::to_string(group);
  std::vector<double> sums(static_cast<std::size_t>(options.folds)), counts(sums.size());
  double judgements = 0;
  for (std::size_t i = 0; i < everything.size(); ++i) {
    table.rows.push_back(summary(verdicts[i], options.margin));
    table.rows.back().id = pack.id(static_cast<std::int64_t>(i));
    table.rows.back().cluster = clusters[i];
    const auto of = static_cast<std::size_t>(fold[i]);
    sums[of] += table.rows.back().necessity();
    counts[of] += 1;
    judgements += static_cast<double>(verdicts[i].size());
  }
  for (std::size_t k = 0; k < sums.size(); ++k) table.folds.push_back(sums[k] / counts[k]);
  table.chance /= judgements;
  table.joint = accuracy(verdicts, clusters, 0);
  table.text_only = accuracy(verdicts, clusters, 1);
  table.image_only = accuracy(verdicts, clusters, 2);
  return table;
}

}  // namespace cigli
