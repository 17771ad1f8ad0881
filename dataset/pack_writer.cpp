#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>

#include "dataset/fit.h"
#include "dataset/pack.h"
#include "dataset/parallel.h"
#include "runtime/error.h"
#include "runtime/hash.h"
#include "runtime/interrupt.h"

namespace cigli {
namespace {

constexpr std::uint64_t kChunkBytes = std::uint64_t{32} << 20;  // decoded pixels in memory at a time

struct Entry {  // what stays in memory of a row
  std::string where, id, text, split;
  std::filesystem::path prompt, target;
};

std::vector<Entry> read_entries(const std::filesystem::path& folder, const PackOptions& options, PackReport& report) {
  const std::filesystem::path file = metadata_file(folder);
  const auto where = [&](std::int64_t line) { return file.string() + ":" + std::to_string(line); };
  std::vector<Entry> entries;
  scan_metadata(
      folder,
      [&](Row&& row) {
        const auto& splits = options.splits;
        if (!splits.empty() && std::find(splits.begin(), splits.end(), row.split) == splits.end()) return;
        if (options.wanted && !options.wanted(row)) return;
        entries.push_back({where(row.line), row.id, row.text, row.split, file.parent_path() / row.prompt_file_name,
                           file.parent_path() / row.target_file_name});
      },
      [&](RowFault&& fault) {
        const std::string reason = where(fault.line) + ": " + fault.reason;
        if (!options.skip_bad) throw Error(reason);
        report.skipped.push_back(reason);
      });
  return entries;
}

// What a width from an aspect is a multiple of: the largest power of two that is no more than an eighth of the height,
// at least 8. The larger the image, the coarser the coarsest cells of a network that suits it.
std::int64_t width_step(std::int64_t height) {
  std::int64_t step = 8;
  while (step * 16 <= height) step *= 2;
  return step;
}

// Given sides, or the aspect of the first readable image at the given height.
ImageSize choose_shape(std::int64_t width, std::int64_t height, const PackOptions& options,
                       const std::vector<Entry>& entries, std::filesystem::path Entry::*file) {
  ImageSize shape{width, height > 0 ? height : options.size};
  for (std::size_t i = 0; shape.width == 0 && i < entries.size(); ++i) {
    try {
      const ImageSize first = read_image_size(entries[i].*file, {options.max_megapixels});
      const double exact = static_cast<double>(first.width * shape.height) / static_cast<double>(first.height);
      const std::int64_t step = width_step(shape.height);
      shape.width = std::clamp<std::int64_t>(std::llround(exact / static_cast<double>(step)) * step, step, 4096);
    } catch (const Error& error) {
      if (!options.skip_bad) throw Error(entries[i].where + ": " + error.what());
    }
  }
  if (shape.width % 8 != 0 || shape.height % 8 != 0)
    throw Error("pack shape " + std::to_string(shape.width) + "x" + std::to_string(shape.height) +
                ", expected multiples of 8");
  return shape;
}

void write_fitted(const Image& image, const ImageSize& shape, std::uint8_t* to) {
  const Image fitted = fit(image, shape.width, shape.height);
  std::copy(fitted.pixels.begin(), fitted.pixels.end(), to);
}

std::string make_header(const ImageSize& prompt, const ImageSize& target) {
  std::string json = nlohmann::json{{"format", "cigli-pack"},
                                    {"version", 1},
                                    {"prompt", {prompt.height, prompt.width}},
                                    {"target", {target.height, target.width}}}
                         .dump();
  json.resize((json.size() + 16 + 63) / 64 * 64 - 16, ' ');
  return json;
}

class PackWriter {
 public:
  PackWriter(const ByteSink& sink, const ImageSize& prompt, const ImageSize& target)
      : sink_(sink), prompt_(prompt), target_(target) {
    const std::string json = make_header(prompt, target);
    put("CIGLIPK1", 8);
    put_number(json.size());
    put(json.data(), json.size());
  }

  // Decodes on all workers, then writes in order: the bytes do not depend on how the work fell out.
  void put_images(std::vector<Entry>& entries, const PackOptions& options, PackReport& report,
                  const std::function<void(std::int64_t, std::int64_t)>& on_progress) {
    const std::uint64_t prompt_bytes = bytes(prompt_), pair_bytes = prompt_bytes + bytes(target_);
    const std::size_t chunk = std::max<std::uint64_t>(1, std::min<std::uint64_t>(1024, kChunkBytes / pair_bytes));
    std::vector<std::uint8_t> pixels(std::min(chunk, entries.size()) * pair_bytes);
    std::vector<Entry> kept;
    const DecodeOptions decode{options.max_megapixels};
    const InterruptGuard guard;
    for (std::size_t from = 0; from < entries.size(); from += chunk) {
      const std::size_t count = std::min(chunk, entries.size() - from);
      std::vector<std::string> faults(count);
      for_each_parallel(static_cast<std::int64_t>(count), options.workers, [&](std::int64_t i) {
        const Entry& entry = entries[from + i];
        std::uint8_t* to = &pixels[i * pair_bytes];
        try {
          write_fitted(read_image(entry.prompt, decode), prompt_, to);
          write_fitted(read_image(entry.target, decode), target_, to + prompt_bytes);
        } catch (const Error& error) {
          faults[i] = entry.where + ": " + error.what();
          if (!options.skip_bad) throw Error(faults[i]);
        }
      });
      for (std::size_t i = 0; i < count; ++i) {
        if (!faults[i].empty()) {
          report.skipped.push_back(faults[i]);
          continue;
        }
        put(&pixels[i * pair_bytes], pair_bytes);
        kept.push_back(std::move(entries[from + i]));
      }
      if (on_progress) on_progress(static_cast<std::int64_t>(from + count), static_cast<std::int64_t>(entries.size()));
      if (InterruptGuard::requested())
        throw Interrupted("packing interrupted after " + std::to_string(from + count) + " of " +
                          std::to_string(entries.size()) + " pairs; no pack was written");
    }
    entries = std::move(kept);
  }

  void put_strings(const std::vector<Entry>& entries) {
    const std::uint64_t position = at_;
    std::uint64_t offset = 0;
    put_number(0);
    for (const Entry& entry : entries)
      for (const std::string* text : {&entry.id, &entry.text, &entry.split}) put_number(offset += text->size());
    for (const Entry& entry : entries)
      for (const std::string* text : {&entry.id, &entry.text, &entry.split}) put(text->data(), text->size());
    put_number(entries.size());
    put_number(position);
    const std::string hex = digest_.hex();
    sink_(hex.data(), hex.size());
  }

 private:
  static std::uint64_t bytes(const ImageSize& shape) {
    return static_cast<std::uint64_t>(shape.width * shape.height * 3);
  }
  void put(const void* data, std::size_t size) {
    digest_.update(data, size);
    sink_(data, size);
    at_ += size;
  }
  void put_number(std::uint64_t value) { put(&value, sizeof value); }

  const ByteSink& sink_;
  ImageSize prompt_, target_;
  Sha256 digest_;
  std::uint64_t at_ = 0;
};

}  // namespace

void PackOptions::visit(Fields& f) {
  const Range side{0, 4096}, height{8, 4096};
  f("size", size, "height of prompt and target in pixels, a multiple of 8", height);
  f("prompt_width", prompt_width,
    "0: from the aspect of the first row's prompt, rounded to a multiple of 8 (16 from a height of 128, 32 from 256)",
    side);
  f("prompt_height", prompt_height, "0: --size", side);
  f("target_width", target_width, "0: from the aspect of the first row's target", side);
  f("target_height", target_height, "0: --size", side);
  f("splits", splits, "pack these splits only, as in train,val; default: all rows");
  f("workers", workers, "threads, 0: all cores; the bytes written do not depend on it", Range{0, 1024});
  f("max_megapixels", max_megapixels, "refuse larger images before decoding them", Range{0.001, 2000});
  f("skip_bad", skip_bad, "report bad rows and go on, instead of failing on the first");
}

PackReport pack_dataset(const std::filesystem::path& folder, const std::filesystem::path& file,
                        const PackOptions& options,
                        const std::function<void(std::int64_t, std::int64_t)>& on_progress) {
  PackReport report;
  std::vector<Entry> entries = read_entries(folder, options, report);
  const std::string source = metadata_file(folder).string();
  if (entries.empty()) throw Error(source + ": no usable rows" + (options.splits.empty() ? "" : " of these splits"));
  const ImageSize prompt = choose_shape(options.prompt_width, options.prompt_height, options, entries, &Entry::prompt);
  const ImageSize target = choose_shape(options.target_width, options.target_height, options, entries, &Entry::target);
  if (prompt.width == 0 || target.width == 0) throw Error(source + ": no row with readable images");
  write_file(file, [&](const ByteSink& sink) {
    PackWriter writer(sink, prompt, target);
    writer.put_images(entries, options, report, on_progress);
    if (entries.empty()) throw Error(source + ": no row with readable images");
    writer.put_strings(entries);
  });
  report.pairs = static_cast<std::int64_t>(entries.size());
  return report;
}

}  // namespace cigli
