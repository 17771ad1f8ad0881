#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/batch.h"
#include "dataset/image.h"
#include "dataset/metadata.h"
#include "runtime/files.h"
#include "runtime/options.h"

namespace cigli {

struct PackOptions {
  std::int64_t size = 64;         // target height; both sides scale by it
  std::int64_t prompt_width = 0;  // 0: from the first row's prompt aspect at height `size`; see pack_dataset
  std::int64_t prompt_height = 0;
  std::int64_t target_width = 0;  // 0: from the first row's target aspect
  std::int64_t target_height = 0;
  std::vector<std::string> splits;  // empty: all rows
  std::int64_t workers = 0;         // 0: all cores; the bytes written do not depend on it
  double max_megapixels = 64;
  bool skip_bad = false;                   // report bad rows and go on, instead of failing on the first
  std::function<bool(const Row&)> wanted;  // which rows; none: all. Not an option of the command line
  void visit(Fields& f);
};

struct PackReport {
  std::int64_t pairs = 0;
  std::vector<std::string> skipped;  // one line a bad row
};

// Writes the dataset folder as one file for training. Little-endian, in this order:
//   "CIGLIPK1", u64 length of the JSON, JSON {format, version, prompt [h,w], target [h,w]} padded to 64 bytes;
//   for each pair its prompt, then its target, as uint8 HWC pixels;
//   u64 offsets[3n + 1] into the bytes that follow: id, text and split of each pair;
//   u64 n, u64 position of the offsets, SHA-256 of all before it as 64 hex digits.
// Prompt and target shapes are each the same for all pairs (multiples of 8; a width that comes from an aspect is one of
// the largest power of two within an eighth of the height, at least 8); an image of another aspect is letterboxed on
// the median colour of its own border. Reproducible byte for byte, written atomically; memory does not grow with the
// number of pairs beyond the index. Throws Error "METADATA:LINE: reason" for the first bad row unless `skip_bad`, and
// when no row is left. `on_progress(done, all)` is called now and then.
PackReport pack_dataset(const std::filesystem::path& folder, const std::filesystem::path& file,
                        const PackOptions& options,
                        const std::function<void(std::int64_t, std::int64_t)>& on_progress = {});

// A packed dataset, memory-mapped. Opening checks header, sizes and index; `verify` also the checksum.
class Pack {
 public:
  explicit Pack(const std::filesystem::path& file);
  void verify() const;  // Error when the checksum differs

  std::int64_t size() const { return size_; }
  std::int64_t prompt_height() const { return prompt_.height; }
  std::int64_t prompt_width() const { return prompt_.width; }
  std::int64_t target_height() const { return target_.height; }
  std::int64_t target_width() const { return target_.width; }
  std::string_view id(std::int64_t i) const;
  std::string_view text(std::int64_t i) const;
  std::string_view split(std::int64_t i) const;
  const std::uint8_t* prompt(std::int64_t i) const;  // uint8 HWC
  const std::uint8_t* target(std::int64_t i) const;
  // The header's JSON, with "pairs" and the number of pairs of each split under "splits".
  const nlohmann::json& description() const { return description_; }

  // Indices of the pairs of a split ("" = pairs without a split), in file order.
  std::vector<std::int64_t> indices(std::string_view split) const;
  // In [-1,1], channels_last, float32 or bfloat16, on any device (see to_batch).
  Batch batch(const std::vector<std::int64_t>& indices, const torch::TensorOptions& options = {}) const;

 private:
  void check_header();
  void check_index();
  std::uint64_t prompt_bytes() const { return static_cast<std::uint64_t>(prompt_.width * prompt_.height * 3); }
  std::uint64_t pair_bytes() const {
    return prompt_bytes() + static_cast<std::uint64_t>(target_.width * target_.height * 3);
  }
  std::uint64_t number(std::uint64_t at) const;       // u64 at a position of the file
  std::string_view string(std::int64_t which) const;  // 3 i: id, 3 i + 1: text, 3 i + 2: split of pair i
  const std::uint8_t* pair(std::int64_t i) const;

  std::string name_;
  MappedFile file_;
  nlohmann::json description_;
  std::int64_t size_ = 0;
  ImageSize prompt_, target_;
  std::uint64_t images_at_ = 0, strings_at_ = 0;
};

}  // namespace cigli
