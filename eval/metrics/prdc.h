#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "eval/metrics/jackknife.h"

namespace cigli {

struct PrdcOptions {
  std::int64_t neighbours = 5;
  bool inclusive = false;  // whether a row on a ball's surface lies in it: <= where the rule is <
  bool paired = false;     // rows of one number belong together (jackknife.h)
};

// Improved precision and recall (Kynkäänniemi et al. 2019, eq. 2 and 3), density and coverage (Naeem et al. 2020, eq.
// 4 and 6) of generated rows against real ones. A ball around a row reaches to its k-th nearest neighbour in its own
// set, itself not counted.
struct Prdc {
  struct Value {
    double value = 0;
    Interval interval;            // 95 %, by leaving out tenths of either set, within what the value can be; of a share
                                  // that all rows or none have, Clopper and Pearson's
    std::vector<Jackknife> sets;  // of the real rows and the generated ones, or of both
  };
  Value precision, recall, density, coverage;
  bool has_intervals = false;  // not where a set has fewer than 20 rows, or a tenth less leaves too few neighbours
};

// real [N,D], generated [M,D]. Neighbours are exact: distances come from a matrix product of centred rows in float64,
// and wherever that could be mistaken, from the differences themselves. Memory is that of a block of distances (128
// MiB) and what intervals need of each row. Throws Error unless both sets have more than `neighbours` rows.
Prdc prdc(const torch::Tensor& real, const torch::Tensor& generated, const PrdcOptions& options = {});

}  // namespace cigli
