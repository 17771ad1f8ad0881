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
  std::vector<std::string> ids;  // of the rows that were scored
  RowValues values;
  RowValues other_text, other_prompt;  // of those that depend on it: with another row's sentence or prompt instead
  std::vector<std::string> damaged;    // "FILE: reason", a line a row that was not
};

struct RowMetricsOptions {
  const DatasetJudge* dataset = nullptr;
  const ClipJudge* clip = nullptr;
  const Lpips* lpips = nullptr;
  std::int64_t candidates = 100;  // of r_precision; drawn from 256 rows at most
  std::uint64_t seed = 0;
  std::int64_t workers = 0;  // 0: all cores
  std::function<void(std::int64_t done, std::int64_t all)> on_progress;
};

// Goes through the rows in random order, up to 256 at a time, which bounds memory; those of one block lend each other
// sentences and prompts. `data` is the dataset folder.
RowMetrics row_metrics(const AnsweredRows& answered, const std::filesystem::path& data,
                       const RowMetricsOptions& options);

}  // namespace cigli
