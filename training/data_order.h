#pragma once

#include <cstdint>
#include <vector>

namespace cigli {

// Endless order of the training pairs: each epoch is a permutation of the rows, a function of (seed, epoch) alone, so
// that a position is all a resumed run needs to know. Batches run across the ends of epochs.
class DataOrder {
 public:
  // `rows` are the indices to be ordered; at least one.
  DataOrder(std::vector<std::int64_t> rows, std::uint64_t seed);

  std::int64_t at(std::int64_t position);
  std::vector<std::int64_t> batch(std::int64_t position, std::int64_t count);

 private:
  std::vector<std::int64_t> rows_, shuffled_;
  std::uint64_t seed_;
  std::int64_t epoch_ = -1;  // of shuffled_
};

}  // namespace cigli
