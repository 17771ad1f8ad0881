#include "training/data_order.h"

#include <utility>

#include "runtime/error.h"
#include "runtime/philox.h"

namespace cigli {
namespace {

// Sets the streams of orders apart from those of noise, which count pairs from 0.
constexpr std::uint64_t order_streams = std::uint64_t{1} << 63;

}  // namespace

DataOrder::DataOrder(std::vector<std::int64_t> rows, std::uint64_t seed) : rows_(std::move(rows)), seed_(seed) {
  if (rows_.empty()) throw Error("no training pairs");
}

std::int64_t DataOrder::at(std::int64_t position) {
  const auto size = static_cast<std::int64_t>(rows_.size());
  if (position / size != epoch_) {
    epoch_ = position / size;
    shuffled_ = rows_;
    Philox random(seed_, order_streams + static_cast<std::uint64_t>(epoch_));
    shuffle(shuffled_, random);
  }
  return shuffled_[static_cast<std::size_t>(position % size)];
}

std::vector<std::int64_t> DataOrder::batch(std::int64_t position, std::int64_t count) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < count; ++i) indices.push_back(at(position + i));
  return indices;
}

}  // namespace cigli
