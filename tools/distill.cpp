#include <iostream>

#include "runtime/error.h"
#include "runtime/interrupt.h"
#include "tools/commands.h"
#include "training/distillation.h"
#include "training/trainer.h"

namespace cigli {
namespace {

struct DistillOptions {
  TrainOptions training;
  std::int64_t steps = 2;
  double shift = 2;
  std::optional<std::int64_t> updates;

  DistillOptions() {
    training.optimizer.kind = "muon";
    training.schedule.learning_rate = 1e-3;
    training.schedule.warmup = 50;
    training.batch_size = 16;
  }

  void visit(Fields& f) {
    f("teacher", training.teacher, "flow to distil: model file, checkpoint or run folder", Required{});
    f("data", training.data, "what the teacher learned from: dataset folder, or file of `cigli data pack`", Required{});
    f("out", training.out, "run folder; its model.safetensors is the distilled model", Required{});
    f("steps", steps, "jumps that the distilled model draws in, unless it is told otherwise", Range{1, 1000});
    f("shift", shift, "of the distilled model's own jumps: t' = t / (t + shift (1 - t))", Range{0.01, 100});
    f("updates", updates, "steps of training (5000 unless --minutes is given)", Range{1, 1e12});
    f("minutes", training.minutes, "end the training after this many minutes; 0 = by updates alone", Range{0});
    f("resume", training.resume, "continue from the `latest` checkpoint of the run folder, or from a checkpoint file");
    f("batch_size", training.batch_size, "pairs an update", Range{1, 65536});
    training.schedule.visit(f);
    training.optimizer.visit(f);
    f("precision", training.precision, "as `cigli train` has it", Choices{{"auto", "bf16", "fp32"}});
    training.device.visit(f);
    f("seed", training.seed, "seed of order, noise, times and guidance", Range{0});
    f("size", training.size, "height at which a dataset folder is packed (64 unless given); a pack has its own",
      Range{8, 4096});
    f("save_every", training.save_every, "updates between checkpoints; 0 = at the end only", Range{0});
    f("keep_last", training.keep_last, "checkpoints to keep", Range{1});
    f("sample_every", training.sample_every, "updates between sample sheets; 0 = none", Range{0});
    f("samples", training.samples, "rows of a sample sheet", Range{1, 256});
    f("log_every", training.log_every, "updates between lines of log.jsonl", Range{1});
    f("threads", training.threads, "threads; 0 = all cores", Range{0, 1024});
    f.group("distillation", training.distillation);
  }
};

// The teacher's model, but a flow map of few steps.
TrainOptions training_of(const DistillOptions& options) {
  TrainOptions training = options.training;
  training.steps = options.updates;
  if (!training.steps && training.minutes == 0) training.steps = 5000;
  const ModelOptions teacher = load_model(training.teacher)->options;
  try {
    training.model = flow_map_options(teacher);
  } catch (const Error& error) {
    throw Error(training.teacher + ": " + error.what());
  }
  training.model.sampling.steps = options.steps;
  training.model.sampling.shift = options.shift;
  return training;
}

}  // namespace

int run_distill(const Arguments& arguments) {
  const TrainOptions training = training_of(parse<DistillOptions>(arguments));
  Trainer trainer(training);
  std::cerr << "distilling " << training.teacher << " on " << trainer.data().train.size() << " pairs";
  if (trainer.state().step > 0) std::cerr << ", going on after update " << trainer.state().step;
  std::cerr << '\n';
  const bool finished = trainer.run();
  const std::string updates = std::to_string(trainer.state().step);
  if (!finished)
    throw Interrupted(training.out + ": interrupted after update " + updates +
                      ", model and checkpoint saved; --resume latest goes on from there");
  std::cerr << "finished after update " << updates << ": saved " << training.out << "/model.safetensors\n";
  return 0;
}

}  // namespace cigli
