#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "eval/study/key.h"
#include "runtime/options.h"

namespace cigli {

struct StudyExportOptions {
  std::vector<std::string> system;    // NAME=FOLDER each
  std::vector<std::string> ablation;  // NAME:text=FOLDER or NAME:image=FOLDER each
  std::string data, split, out, key, text, mode = "pairs", design = "all-pairs", baseline, adapter, host;
  std::int64_t items = 0, raters = 3, items_per_rater = 30, examples = 2, seed = 0;
  double attention = 0.05, catches = 0.05, repeats = 0.05;
  bool strict = false;
  StudyExclusion exclusion;
  void visit(Fields& f);
};

// The packet's, without a slash at its end.
std::filesystem::path packet_folder(const StudyExportOptions& options);
// Of what the adapter needs: the packet's folder with "-mturk" and the like behind its name.
std::filesystem::path adapter_folder(const StudyExportOptions& options);

// The systems that the options name, ablations behind the others. Throws UsageError for words that are not as the
// options' help says and for two of one name, Error for a folder that is none.
std::vector<StudySystem> study_systems(const StudyExportOptions& options);

// Which systems stand beside each other, or alone; in studies of real images these too.
std::vector<std::vector<std::string>> study_comparisons(const std::vector<StudySystem>& systems,
                                                        const StudyExportOptions& options);

// Throws UsageError for options that don't fit together, Error for an output that is there already.
void check_study_options(const StudyExportOptions& options, const std::vector<StudySystem>& systems);

}  // namespace cigli
