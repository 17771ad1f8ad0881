#pragma once

#include <fstream>
#include <string>

#include "encoders/pretrained.h"
#include "tests/formula_weights.h"

namespace cigli::test {

// All weights of the FID network by formula, norms' scales and variances in [0.75, 1.25).
inline TensorFile inception_tensors(const std::string& salt) {
  TensorFile content;
  std::ifstream list(std::string(CIGLI_SOURCE_DIR) + "/tests/data/inception_convolutions.txt");
  std::string name;
  std::int64_t out = 0, in = 0, height = 0, width = 0;
  const auto uniform = [&](const std::string& full) { return formula_uniform(salt, full, {out}); };
  while (list >> name >> out >> in >> height >> width) {
    const std::string conv = name + ".conv.weight", norm = name + ".bn.";
    content.tensors[conv] = formula_weight(salt, conv, {out, in, height, width});
    for (const char* part : {"weight", "running_var"})
      content.tensors[norm + part] = (0.75 + 0.5 * uniform(norm + part)).to(torch::kFloat32);
    content.tensors[norm + "bias"] = (0.1 * (2 * uniform(norm + "bias") - 1)).to(torch::kFloat32);
    content.tensors[norm + "running_mean"] = (0.2 * (2 * uniform(norm + "running_mean") - 1)).to(torch::kFloat32);
  }
  content.tensors["fc.weight"] = formula_weight(salt, "fc.weight", {1008, 2048});
  return content;
}

inline PretrainedWeights inception_weights(const std::string& salt) {
  return {inception_tensors(salt), "formula weights"};
}

}  // namespace cigli::test
