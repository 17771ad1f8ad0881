#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "dataset/shapes/sample.h"
#include "dataset/shapes/siblings.h"
#include "runtime/options.h"

namespace cigli {

struct SynthOptions {
  std::string out;
  std::int64_t count = 0;
  std::int64_t seed = 0;
  std::string world = "shapes-64";
  std::int64_t size = 64;
  std::string split;            // empty: all three, eight to one to one
  std::int64_t per_prompt = 1;  // pairs that share a prompt
  double planted = 0;           // share of pairs whose sentence tells the target alone, and as many whose prompt does
  std::int64_t workers = 0;     // 0: all cores; the files don't depend on it
  void visit(Fields& f);
};

// A row of metadata.jsonl: with its program, scenes and world it carries all that the checker needs.
// A planted pair says so under "planted" and has no program, which would not be true of it.
nlohmann::ordered_json synth_row(const Sample& sample, const std::string& id, std::int64_t number, std::int64_t size,
                                 Planted planted = Planted::none);

// Writes a dataset folder: images/<number / 500>/<number>-prompt.png and -target.png, and metadata.jsonl last and as
// one step, so that an interrupted run leaves no folder that looks whole. The same options give the same bytes. Throws
// Error when the folder holds a dataset already. `on_progress` hears how many pairs are done and may throw to stop.
void synthesise(const SynthOptions& options, const std::function<void(std::int64_t)>& on_progress);

}  // namespace cigli
