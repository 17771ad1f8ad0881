#include "dataset/shapes/synth.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

#include "dataset/image.h"
#include "dataset/parallel.h"
#include "dataset/shapes/renderer.h"
#include "runtime/error.h"
#include "runtime/files.h"

namespace cigli {
namespace {

constexpr std::int64_t pairs_in_folder = 500;
constexpr std::int64_t chunk = 2000;  // prompts between two reports of progress

std::string padded(std::int64_t number, int digits) {
  const std::string text = std::to_string(number);
  return std::string(static_cast<std::size_t>(std::max<int>(0, digits - static_cast<int>(text.size()))), '0') + text;
}

// By number alone: Hugging Face's loader would take a split's name in a file name for a split folder.
std::string image_name(std::int64_t number, const char* what) {
  return "images/" + padded(number / pairs_in_folder, 4) + "/" + padded(number, 7) + "-" + what + ".png";
}

std::vector<std::pair<std::string, std::int64_t>> shares(const SynthOptions& options) {
  if (!options.split.empty()) return {{options.split, options.count}};
  const std::int64_t tenth = options.count < 3 ? 0 : std::max<std::int64_t>(1, options.count / 10);
  return {{"train", options.count - 2 * tenth}, {"val", tenth}, {"test", tenth}};
}

// Of every group of pairs with one prompt, all or none are planted.
Planted planted_in(const SynthOptions& options, std::int64_t group) {
  const auto reached = [&](std::int64_t groups, double share) {
    return static_cast<std::int64_t>(std::floor(static_cast<double>(groups) * share + 1e-9));
  };
  if (reached(group + 1, options.planted) > reached(group, options.planted)) return Planted::sentence_tells;
  // Of the others in their turn, so that both kinds are as many.
  const std::int64_t others = group - reached(group, options.planted);
  const double share = options.planted < 1 ? options.planted / (1 - options.planted) : 0;
  return reached(others + 1, share) > reached(others, share) ? Planted::prompt_tells : Planted::none;
}

std::string write_group(const SynthOptions& options, const std::string& split, std::int64_t group, std::int64_t count,
                        std::int64_t before) {
  const World& world = world_named(options.world);
  const auto seed = static_cast<std::uint64_t>(options.seed);
  const std::int64_t per_prompt = options.per_prompt, first = group * per_prompt;
  const Planted planted = planted_in(options, group);
  const bool alone = per_prompt == 1 && planted == Planted::none;
  const std::vector<Sample> samples = alone ? std::vector<Sample>{make_sample(world, split, seed, group)}
                                            : make_planted(world, split, seed, group, per_prompt, planted);
  std::string lines;
  const std::filesystem::path out = options.out;
  for (std::int64_t i = 0; i < std::min(per_prompt, count - first); ++i) {
    const Sample& sample = samples[static_cast<std::size_t>(i)];
    const nlohmann::ordered_json row =
        synth_row(sample, split + "-" + padded(first + i, 7), before + first + i, options.size, planted);
    write_png_unsynced(out / row["prompt_file_name"].get<std::string>(), render(sample.prompt, options.size));
    write_png_unsynced(out / row["target_file_name"].get<std::string>(), render(sample.target, options.size));
    lines += row.dump() + "\n";
  }
  return lines;
}

}  // namespace

void SynthOptions::visit(Fields& f) {
  f("out", out, "folder of the new dataset", Required{});
  f("count", count, "pairs to make", Required{}, Range{1, 1e8});
  f("seed", seed, "names the sequence of pairs", Required{}, Range{0, 9e15});
  f("world", world, "which scenes and programs", Choices{world_names()});
  f("size", size, "side of an image in pixels", Range{32, 256});
  f("split", split, "make one split only: train, val or test", Choices{{"", "train", "val", "test"}});
  f("per_prompt", per_prompt, "pairs that share a prompt, each with another program and target", Range{1, 8});
  f("planted", planted,
    "controls for data curate: share of pairs whose sentence tells the target alone, and as many "
    "whose target is the prompt",
    Range{0, 0.5});
  f("workers", workers, "threads; 0 = all cores", Range{0, 1024});
}

nlohmann::ordered_json synth_row(const Sample& sample, const std::string& id, std::int64_t number, std::int64_t size,
                                 Planted planted) {
  nlohmann::ordered_json row;
  row["id"] = id;
  row["text"] = sample.text;
  row["prompt_file_name"] = image_name(number, "prompt");
  row["target_file_name"] = image_name(number, "target");
  row["split"] = sample.split;
  row["source"] = sample.world->name;
  if (planted != Planted::none) {
    row["planted"] = name(planted);
    return row;
  }
  row["family"] = name(sample.program.family);
  row["seen"] = sample.seen;
  row["paraphrase_seen"] = sample.paraphrase_seen;
  row["program"] = {{"world", sample.world->name},
                    {"family", name(sample.program.family)},
                    {"arguments", arguments_json(sample.program)},
                    {"paraphrase", sample.paraphrase},
                    {"size", size},
                    {"prompt", to_json(sample.prompt)},
                    {"target", to_json(sample.target)}};
  return row;
}

void synthesise(const SynthOptions& options, const std::function<void(std::int64_t)>& on_progress) {
  const std::filesystem::path out = options.out, metadata = out / "metadata.jsonl";
  if (std::filesystem::exists(metadata))
    throw Error(metadata.string() + ": the folder holds a dataset already; expected a new folder");
  for (std::int64_t folder = 0; folder <= (options.count - 1) / pairs_in_folder; ++folder)
    make_folder(out / "images" / padded(folder, 4));
  write_file(metadata, [&](const ByteSink& sink) {
    std::int64_t before = 0;
    for (const auto& [split, count] : shares(options)) {
      const std::int64_t groups = (count + options.per_prompt - 1) / options.per_prompt;
      for (std::int64_t first = 0; first < groups; first += chunk) {
        std::vector<std::string> lines(static_cast<std::size_t>(std::min(chunk, groups - first)));
        for_each_parallel(static_cast<std::int64_t>(lines.size()), options.workers,
                          [&, split = split, count = count](std::int64_t i) {
                            lines[static_cast<std::size_t>(i)] = write_group(options, split, first + i, count, before);
                          });
        for (const std::string& line : lines) sink(line.data(), line.size());
        on_progress(before + std::min(count, (first + static_cast<std::int64_t>(lines.size())) * options.per_prompt));
      }
      before += count;
    }
  });
}

}  // namespace cigli
