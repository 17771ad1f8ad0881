#include "training/training_data.h"

#include <algorithm>
#include <optional>

#include "dataset/metadata.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/hash.h"
#include "runtime/progress.h"
#include "training/data_order.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

// data.source beside data.pack, data.source.new beside data.pack.new.
fs::path source_of(const fs::path& pack) {
  const bool waiting = pack.extension() == ".new";
  return pack.parent_path() / (waiting ? "data.source.new" : "data.source");
}

// What a pack is made from: the metadata, and when each image was last written.
std::string fingerprint(const fs::path& folder, std::int64_t size) {
  std::string state = std::to_string(size) + '\n' + read_file(metadata_file(folder));
  for (const Row& row : read_metadata(folder).rows)
    for (const std::string& name : {row.prompt_file_name, row.target_file_name}) {
      std::error_code absent;
      const auto written = fs::last_write_time(folder / name, absent);
      state += absent ? "-\n" : std::to_string(written.time_since_epoch().count()) + '\n';
    }
  return sha256(state) + '\n';
}

bool made_from(const fs::path& pack, const std::string& source) {
  return fs::exists(pack) && fs::exists(source_of(pack)) && read_file(source_of(pack)) == source;
}

fs::path packed(const fs::path& data, const fs::path& out, std::int64_t size) {
  const std::string source = fingerprint(data, size);
  fs::path pack = out / "data.pack";
  for (const char* stale : {"data.pack.new", "data.source.new"}) fs::remove(out / stale);
  if (made_from(pack, source)) return pack;
  if (fs::exists(pack)) pack += ".new";
  PackOptions options;
  options.size = size;
  std::optional<Progress> bar;
  const PackReport report = pack_dataset(data, pack, options, [&](std::int64_t done, std::int64_t all) {
    if (!bar) bar.emplace("packing " + data.string(), all);
    bar->update(done);
  });
  if (bar) bar->finish(std::to_string(report.pairs) + " pairs in " + pack.string());
  write_file(source_of(pack), source);
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

TrainingData open_training_data(const fs::path& data, const fs::path& out, std::optional<std::int64_t> size,
                                std::int64_t shown) {
  if (!fs::exists(data)) throw Error(data.string() + ": no such file or folder; expected a dataset folder or a pack");
  const bool folder = fs::is_directory(data);
  const fs::path file = folder ? packed(data, out, size.value_or(64)) : data;
  Pack pack(file);
  pack.verify();
  if (size && pack.target_height() != *size)
    throw Error(file.string() + ": its images are " + std::to_string(pack.target_height()) +
                " pixels high, expected --size " + std::to_string(*size));
  std::vector<std::int64_t> train = pack.indices("train");
  if (train.empty() && static_cast<std::int64_t>(pack.indices("").size()) == pack.size()) train = pack.indices("");
  if (train.empty())
    throw Error(file.string() + ": no row of split 'train' among its " + std::to_string(pack.size()) + " pairs");
  std::vector<std::int64_t> held_out = pack.indices("val");
  if (held_out.empty()) held_out = pack.indices("test");
  if (held_out.empty()) held_out = train;
  const MappedFile bytes(file);
  std::string checksum(bytes.bytes().substr(bytes.size() - 64));
  const bool waits = folder && file.filename() == "data.pack.new";
  return {std::move(pack), std::move(train), sample(held_out, shown), std::move(checksum), file, waits};
}

void keep_pack(TrainingData& data) {
  if (!data.waits) return;
  const fs::path kept = data.file.parent_path() / "data.pack";
  fs::rename(data.file, kept);
  fs::rename(source_of(data.file), source_of(kept));
  data.file = kept;
  data.waits = false;
}

}  // namespace cigli
