#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dataset/pack.h"
#include "eval/score.h"
#include "eval/scorer_training.h"
#include "runtime/options.h"

namespace cigli {

struct NecessityOptions {
  std::int64_t folds = 4;
  std::int64_t draws = 4;
  double margin = 0.5;  // nats
  std::int64_t seed = 0;
  ScorerTraining training;  // its seed is set from `seed`
  void visit(Fields& f);
};

// What becomes of a row. Kept: both inputs together tell its target from others more than `margin` better than either
// alone. Dropped: one alone does as well. Undecided: both together don't do it by more than `margin` either.
enum class Need { kept, dropped, undecided };
const std::string& name(Need need);

struct RowNecessity {
  std::string id, cluster;                          // rows with one prompt are one cluster
  double joint = 0, text_only = 0, image_only = 0;  // evidence in nats, the mean over the row's judges
  double spread = 0;  // standard deviation of the necessity over the row's judges; 0 where it has one
  double necessity() const { return joint - std::max(text_only, image_only); }
  Need need = Need::undecided;
  std::string reason;  // why it is not kept
};

struct NecessityTable {
  std::vector<RowNecessity> rows;      // in the order of the pack
  Score joint, text_only, image_only;  // how often the own target scores highest among the candidates; by prompts
  double chance = 0;                   // how often it does by chance
  std::vector<double> folds;           // mean necessity of each fold's rows

  std::int64_t count(Need need) const;
  // {"rows", "kept", "dropped", "undecided", "accuracy": {"joint", "text_only", "image_only", "chance"}, "necessity":
  // {"mean", "folds"}}
  nlohmann::ordered_json json() const;
};

// Scores how far each row of a pack needs both its inputs. The rows are dealt into folds by their prompts. Scorer k of
// each kind (joint, text-only, image-only) judges fold k and, where there are more than two, fold k + 1, and learns
// from the others, so that no row is judged by a scorer that saw it or its prompt, and each has two judges, whose
// difference is its spread. The joint evidence is that of the three scorers' pool, its weights fitted, like the
// temperature of each alone, to rows held out of their training. What was judged is kept in `workspace` ("" = nowhere),
// so that a run that was interrupted goes on. Throws Error where the pack has fewer different prompts than that takes,
// and what `on_progress` throws.
NecessityTable judge_necessity(const Pack& pack, const NecessityOptions& options,
                               const std::filesystem::path& workspace = {},
                               const std::function<void(std::int64_t done, std::int64_t all)>& on_progress = {});

}  // namespace cigli
