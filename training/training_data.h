#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dataset/pack.h"

namespace cigli {

// The pairs a training works on.
struct TrainingData {
  Pack pack;
  std::vector<std::int64_t> train;         // split "train"; every pair when no row names a split
  std::vector<std::int64_t> shown;         // of split "val", else "test", else train: rows of the sample sheet
  std::string checksum;                    // SHA-256 that the pack ends with
  std::filesystem::path file;              // the pack's
  bool waits;                              // as data.pack.new, for keep_pack
  std::vector<std::string> texts() const;  // of the training pairs
};

// Opens a pack, checking its sum, or a dataset folder, which is first packed at height `size` (default 64) into
// `out`/data.pack, unless that was made from the same metadata and images already: `out`/data.source tells. A pack that
// would replace another one waits as data.pack.new until keep_pack. Error when nothing in it can be trained on, or when
// the pack has another height than `size`.
TrainingData open_training_data(const std::filesystem::path& data, const std::filesystem::path& out,
                                std::optional<std::int64_t> size, std::int64_t shown);
// Where the pack waits, puts it in the place of the old one.
void keep_pack(TrainingData& data);

}  // namespace cigli
