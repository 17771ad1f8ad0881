#pragma once

#include <string>

#include "tests/training/tiny_dataset.h"
#include "training/trainer.h"

namespace cigli {

inline TrainOptions tiny_options(const std::string& data, const std::string& out) {
  TrainOptions o;
  o.data = data;
  o.out = out;
  o.size = 16;
  o.steps = 8;
  o.batch_size = 4;
  o.schedule.warmup = 2;
  o.save_every = 3;
  o.sample_every = 0;
  o.log_every = 2;
  o.samples = 2;
  o.threads = 1;
  o.model.text.vocabulary = 530;
  o.model.text.context = 16;
  o.model.text.layers = 1;
  o.model.text.width = o.model.fusion.width = 32;
  o.model.image.widths = {16, 32, 32};
  o.model.fusion.layers = 1;
  o.model.decoder.widths = {32, 48};
  o.model.decoder.blocks = {1, 1};
  o.model.sampling.steps = 2;
  return o;
}

}  // namespace cigli
