#include "training/fitting_step.h"

#include <optional>
#include <string>

#include "runtime/device_choice.h"
#include "runtime/error.h"

namespace cigli {
namespace {

Batch first_pairs(const Batch& pairs, std::int64_t count) {
  const auto some = [&](const std::vector<std::string>& all) {
    return std::vector<std::string>(all.begin(), all.begin() + count);
  };
  return {some(pairs.ids), some(pairs.texts), pairs.prompt.slice(0, 0, count), pairs.target.slice(0, 0, count)};
}

std::optional<StepReport> tried(Objective& objective, const Batch& pairs, std::int64_t step, double progress) {
  try {
    return objective.step(pairs, step, progress);
  } catch (const c10::Error& error) {
    if (!is_out_of_memory(error)) throw;
    return std::nullopt;
  }
}

}  // namespace

StepReport step_if_it_fits(Objective& objective, const Batch& pairs, std::int64_t step, double progress) {
  if (const auto report = tried(objective, pairs, step, progress)) return *report;
  const auto wanted = static_cast<std::int64_t>(pairs.texts.size());
  std::int64_t fits = wanted / 2;
  for (; fits > 0; fits /= 2) {
    release_device_memory();
    if (tried(objective, first_pairs(pairs, fits), step, progress)) break;
  }
  throw Error("out of the device's memory with batch_size " + std::to_string(wanted) +
              (fits > 0 ? "; " + std::to_string(fits) + " would have fitted" : ", and one pair does not fit either"));
}

}  // namespace cigli
