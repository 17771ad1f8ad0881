#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "decoder/generator.h"
#include "runtime/device_choice.h"
#include "runtime/options.h"

namespace cigli {

// Which model draws, and how: what a command that draws takes from its user.
struct ModelChoice {
  std::string model, precision = "auto";
  DeviceChoice device;
  std::optional<std::string> method;
  std::optional<std::int64_t> steps;
  std::optional<double> guidance_text, guidance_image;
  void visit(Fields& f);
};

// The model, ready to draw in the precision that was chosen.
struct ChosenModel {
  Generator model{nullptr};
  SamplerOptions sampling;
  std::string precision, hash;  // "bf16", "fp16" or "fp32"; SHA-256 of its file
};
// Throws Error where the file is no model, or the model can't be sampled like this.
ChosenModel load_chosen(const ModelChoice& choice);

}  // namespace cigli
