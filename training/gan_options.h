#pragma once

#include <cstdint>
#include <vector>

#include "runtime/options.h"

namespace cigli {

struct DiscriminatorOptions {
  std::int64_t patch = 2;                                    // pixels a side of a cell of the finest feature map
  std::vector<std::int64_t> widths{64, 128, 192, 256};       // of the image, channels a resolution, finest first
  std::vector<std::int64_t> prompt_widths{32, 64, 96, 128};  // of the image prompt
  std::int64_t text_width = 128;
  std::int64_t text_layers = 1;
  std::int64_t text_heads = 4;
  void visit(Fields& f);
};

// What a GAN's training needs besides the options that it shares with a flow's.
struct GanOptions {
  double learning_rate = 4e-4;  // of the discriminator; the schedule's is the generator's
  double mismatch = 0.5;        // share of the mismatched pairs in what the discriminator is to refuse
  double r1 = 1;                // gamma
  std::int64_t r1_every = 4;
  double reconstruction = 0;
  DiscriminatorOptions discriminator;
  void visit(Fields& f);
};

}  // namespace cigli
