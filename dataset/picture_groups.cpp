#include "dataset/picture_groups.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

namespace cigli {
namespace {

using Bins = std::array<std::int64_t, std::tuple_size_v<decltype(Fingerprint::moments)>>;

// A number for a combination of bins, which lie in -64..63.
std::uint64_t key_of(const Bins& bins) {
  std::uint64_t key = 0;
  for (const std::int64_t bin : bins) key = key * 128 + static_cast<std::uint64_t>(bin + 64);
  return key;
}

}  // namespace

PictureGroups::Blocks PictureGroups::blocks_of(const Fingerprint& print) {
  std::array<int, 16> sums{};
  for (std::size_t cell = 0; cell < 64; ++cell)
    for (std::size_t c = 0; c < 3; ++c) sums[cell / 16 * 4 + cell % 8 / 2] += print.cells[cell * 3 + c];
  Blocks blocks;
  for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = static_cast<std::uint8_t>(sums[i] / 12);
  return blocks;
}

std::int64_t PictureGroups::add(const Fingerprint& print) {
  const std::int64_t picture = count_++;
  if (print.blank) return picture;
  const auto bins_at = [&](float offset) {
    Bins bins;
    for (std::size_t i = 0; i < bins.size(); ++i)
      bins[i] = static_cast<std::int64_t>(std::floor((print.moments[i] + offset) / kBin));
    return bins;
  };
  static_assert(2 * kMomentDistance < kBin);  // at most two bins a moment
  const Bins low = bins_at(-kMomentDistance), high = bins_at(kMomentDistance);

  const Blocks blocks = blocks_of(print);
  const auto near = [&](const Blocks& others) {
    int far = 0;  // no early end: the compiler turns this into a few vector instructions
    for (std::size_t i = 0; i < blocks.size(); ++i) far |= std::abs(blocks[i] - others[i]) > kCellDistance;
    return far == 0;
  };

  std::vector<std::int64_t> candidates;
  for (std::size_t corner = 0; corner < std::size_t{1} << low.size(); ++corner) {
    Bins bins = low;
    bool fresh = true;  // a corner where both bins are one has been visited already
    for (std::size_t i = 0; i < bins.size(); ++i)
      if ((corner >> i & 1) != 0) {
        fresh = fresh && high[i] != low[i];
        bins[i] = high[i];
      }
    const auto found = fresh ? bins_.find(key_of(bins)) : bins_.end();
    if (found == bins_.end()) continue;
    for (const Entry& entry : found->second)
      if (near(entry.blocks) && may_be_same(firsts_[static_cast<std::size_t>(entry.which)].print, print))
        candidates.push_back(entry.which);
  }
  std::sort(candidates.begin(), candidates.end());
  std::optional<Image> image;
  for (const std::int64_t which : candidates) {
    const std::int64_t first = firsts_[static_cast<std::size_t>(which)].picture;
    if (!image) image = load_(picture);
    if (are_same_picture(load_(first), *image)) return first;
  }

  bins_[key_of(bins_at(0))].push_back({blocks, static_cast<std::int64_t>(firsts_.size())});
  firsts_.push_back({print, picture});
  return picture;
}

}  // namespace cigli
