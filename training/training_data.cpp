#include "training/training_data.h"

#include <algorithm>
#include <optional>

#include "runtime/error.h"
#include "runtime/progress.h"
#include "training/data_order.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

bool up_to_date(const fs::path& pack, const fs::path& folder, std::int64_t size) {
  const fs::path metadata = folder / "metadata.jsonl";
  if (!fs::exists(pack) || !fs::exists(metadata) || fs::last_write_time(pack) < fs::last_write_time(metadata))
    return false;
  try {
    return Pack(pack).target_height() == size;
  } catch (const Error&) {
    return false;
  }
}

fs::path packed(const fs::path& data, const fs::path& out, std::int64_t size) {
  if (!fs::exists(data)) throw Error(data.string() + ": no such file or folder; expected a dataset folder or a pack");
  if (!fs::is_directory(data)) return data;
  const fs::path pack = out / "data.pack";
  if (up_to_date(pack, data, size)) return pack;
  PackOptions options;
  options.size = size;
  std::optional<Progress> bar;
  const PackReport report = pack_dataset(data, pack, options, [&](std::int64_t done, std::int64_t all) {
    if (!bar) bar.emplace("packing " + data.string(), all);
    bar->update(done);
  });
  if (bar) bar->finish(std::to_string(report.pairs) + " pairs in " + pack.string());
  return pack;
}

// The first rows of a fixed order, not every nth row: that would fall in step with families that take turns.
std::vector<std::int64_t> sample(const std::vector<std::int64_t>& rows, std::int64_t count) {
  return DataOrder(rows, 0).batch(0, std::min(count, static_cast<std::int64_t>(rows.size())));
}

}  // namespace

std::vector<std::string> TrainingData::texts() const {
  std::vector<std::string> result;
  result.reserve(train.size());
  for (const std::int64_t i : train) result.emplace_back(pack.text(i));
  return result;
}

TrainingData open_training_data(const fs::path& data, const fs::path& out, std::int64_t size, std::int64_t shown) {
  const fs::path file = packed(data, out, size);
  Pack pack(file);
  std::vector<std::int64_t> train = pack.indices("train");
  if (train.empty() && static_cast<std::int64_t>(pack.indices("").size()) == pack.size()) train = pack.indices("");
  if (train.empty())
    throw Error(file.string() + ": no row of split 'train' among its " + std::to_string(pack.size()) + " pairs");
  std::vector<std::int64_t> held_out = pack.indices("val");
  if (held_out.empty()) held_out = pack.indices("test");
  if (held_out.empty()) held_out = train;
  const MappedFile bytes(file);
  std::string checksum(bytes.bytes().substr(bytes.size() - 64));
  return {std::move(pack), std::move(train), sample(held_out, shown), std::move(checksum)};
}

}  // namespace cigli
