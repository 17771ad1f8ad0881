#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "decoder/generator.h"
#include "runtime/device_choice.h"
#include "training/distillation_options.h"
#include "training/gan_options.h"
#include "training/loss.h"
#include "training/optimizer.h"
#include "training/schedule.h"

namespace cigli {

struct TrainOptions {
  std::string data, out;
  std::optional<std::int64_t> steps;
  double minutes = 0;
  std::int64_t batch_size = 32;
  ScheduleOptions schedule;
  OptimizerOptions optimizer;
  LossOptions loss;
  std::string precision = "auto";
  DeviceChoice device;
  std::int64_t seed = 0;
  std::optional<std::int64_t> size;
  std::int64_t save_every = 500;
  std::int64_t keep_last = 2;
  std::int64_t sample_every = 500;
  std::int64_t samples = 8;
  std::int64_t log_every = 20;
  std::string resume, init, teacher;
  std::int64_t threads = 0;
  DistillationOptions distillation;
  GanOptions gan;
  ModelOptions model;
  void visit(Fields& f);
};

}  // namespace cigli
