#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "dataset/metadata.h"

namespace cigli {

// One wish for images: a sentence, an image prompt, how many and from which seed.
struct ImageRequest {
  std::string id, text;
  std::string image_name;       // as the row has it
  std::filesystem::path image;  // resolved
  std::optional<std::uint64_t> seed;
  std::optional<std::int64_t> count;
  std::int64_t line = 0;  // 1-based
};

struct RequestList {
  std::vector<ImageRequest> rows;
  std::vector<RowFault> faults;
};

struct RequestFilter {
  std::string split;                                              // rows of this split alone; "" = all
  std::int64_t limit = std::numeric_limits<std::int64_t>::max();  // stop after so many good rows
};

// Reads JSONL, or CSV with a header line (file name ending in .csv; RFC 4180 quoting), of rows {id, text, image, seed?,
// n?}; other keys are passed over. A dataset's metadata.jsonl is a requests file, too: `image` falls back to
// `prompt_file_name`. Images resolve against the file's own folder and never through `..`; `image` may be absolute.
// Rows that can't be used go to `faults`; ids must be usable as file names. Throws Error when the file can't be read,
// is empty, or has no row of the split.
RequestList read_requests(const std::filesystem::path& file, const RequestFilter& filter = {});

}  // namespace cigli
