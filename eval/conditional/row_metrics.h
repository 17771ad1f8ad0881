#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "eval/conditional/judge.h"
#include "eval/generated.h"
#include "eval/interval.h"
#include "eval/metrics/lpips.h"

namespace cigli {

// Values of metrics by name, a value a row.
using RowValues = std::map<std::string, std::vector<double>>;

// How each image answers its row.
//   psnr, ssim, lpips        to the target, fitted to the image's size (eval/metrics/similarity.h, lpips.h)
//   perceptual_dataset       to the target, DatasetJudge::distance
// and by each judge J:
//   r_precision_J            own sentence and prompt among those of other rows (eval/metrics/retrieval_metrics.h)
//   text_faithfulness_J      1 where the own sentence fits better than another row's, 0.5 where they tie
//   prompt_faithfulness_J    the same of the prompt, by judges that see it
//   prompt_similarity_J      likeness to the prompt, target_similarity_J to the target
//   clip_score               by CLIP (Hessel et al. 2021)
struct RowMetrics {
  std::vector<std::string> ids;  // of the rows whose images could be read
  Clusters clusters;             // theirs: cluster_of (eval/rows.h)
  // All metrics that the options allow. NaN: not to be had of this row; psnr is infinite where the images are equal.
  RowValues values;
  RowValues other_text, other_prompt;  // of those that depend on it: with another row's sentence or prompt instead
  std::vector<std::string> damaged;    // "FILE: reason", a generated image that can't be read each
  std::vector<std::string> unscored;   // "FILE:LINE: reason", a row whose prompt or target can't be read each
  std::map<std::string, std::vector<std::string>> too_small;  // by metric, "FILE: reason" an image that it can't be of
  std::map<std::string, std::int64_t> alone;                  // by metric: rows that no other is there to be told from
  std::int64_t candidates = 0;  // that r_precision was of, the fewest of any row; 0: of none
};

struct RowMetricsOptions {
  const DatasetJudge* dataset = nullptr;
  const ClipJudge* clip = nullptr;
  const Lpips* lpips = nullptr;
  std::int64_t candidates = 100;  // of r_precision; drawn from 256 rows at most, and all of them where there are fewer
  std::uint64_t seed = 0;
  std::int64_t workers = 0;  // 0: all cores
  std::function<void(std::int64_t done, std::int64_t all)> on_progress;
};

// Goes through the rows in random order, up to 256 at a time, which bounds memory; those of one block lend each other
// sentences and prompts. `data` is the dataset folder. Where no row's images can be read there are no ids.
RowMetrics row_metrics(const AnsweredRows& answered, const std::filesystem::path& data,
                       const RowMetricsOptions& options);

}  // namespace cigli
