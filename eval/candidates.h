#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "dataset/pack.h"

namespace cigli {

// Which rows of a pack are alike: rows with one number in a list have the same prompt, sentence or target, pixel by
// pixel and byte by byte.
struct Alike {
  std::vector<std::uint64_t> prompt, text, target;
};
Alike find_alike(const Pack& pack);

// Hard negatives: the targets that a row's own is to be told from. `rows` are indices of the pack's rows, all of which
// may be drawn.
class Candidates {
 public:
  Candidates(const Alike& alike, std::vector<std::int64_t> rows);

  // Places in rows(): the row at `place` first, then up to `count` - 1 others, none of which has its target: half of
  // them at most share its prompt or its sentence, a quarter each, as far as there are such; the others are drawn from
  // all. Fewer where `rows` has not enough. A function of (seed, stream, place) and the rows.
  std::vector<std::int64_t> draw(std::int64_t place, std::int64_t count, std::uint64_t seed,
                                 std::uint64_t stream) const;

  // The rows by prompt, in the order of their first ones: places in rows().
  const std::vector<std::vector<std::int64_t>>& by_prompt() const { return by_prompt_; }
  // Places of the rows with the same sentence, or prompt, as that at `place`, itself among them.
  const std::vector<std::int64_t>& with_text_of(std::int64_t place) const;
  const std::vector<std::int64_t>& with_prompt_of(std::int64_t place) const;
  // Whether the rows at two places have the same target.
  bool same_target(std::int64_t a, std::int64_t b) const;
  const std::vector<std::int64_t>& rows() const { return rows_; }

 private:
  std::size_t row_at(std::int64_t place) const {
    return static_cast<std::size_t>(rows_[static_cast<std::size_t>(place)]);
  }

  const Alike& alike_;
  std::vector<std::int64_t> rows_;
  std::vector<std::vector<std::int64_t>> by_prompt_;
  std::unordered_map<std::uint64_t, std::size_t> prompt_group_;           // prompt -> place in by_prompt_
  std::unordered_map<std::uint64_t, std::vector<std::int64_t>> by_text_;  // sentence -> places
};

}  // namespace cigli
