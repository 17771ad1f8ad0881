#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "dataset/fingerprint.h"

namespace cigli {

// Finds pictures that occur more than once, exactly or nearly (scaled, compressed again). Pictures are numbered 0, 1,
// ... in the order in which they are added; a picture belongs to the group of the first one that is the same, whose
// number names the group. What it knows of a picture is its fingerprint, some 260 bytes; candidates are confirmed on
// the pixels.
class PictureGroups {
 public:
  using Load = std::function<Image(std::int64_t picture)>;
  // `load` reads an added picture again; only candidates are.
  explicit PictureGroups(Load load) : load_(std::move(load)) {}

  // The group of the next picture. Blank pictures, which all look alike, are groups of their own.
  std::int64_t add(const Fingerprint& print);

 private:
  // Moments are rounded to bins of kBin; a picture is looked for in its own bin and in those within kMomentDistance.
  static constexpr float kBin = 12;

  struct First {
    Fingerprint print;
    std::int64_t picture;
  };
  // Means of 4x4 blocks, which may differ by no more than cells may: beside each other, they are read much faster than
  // the fingerprints of a bin.
  using Blocks = std::array<std::uint8_t, 16>;
  struct Entry {
    Blocks blocks;
    std::int64_t which;  // of firsts_
  };
  static Blocks blocks_of(const Fingerprint& print);

  Load load_;
  std::int64_t count_ = 0;
  std::vector<First> firsts_;                                   // of each group
  std::unordered_map<std::uint64_t, std::vector<Entry>> bins_;  // by key of their bins
};

}  // namespace cigli
