#include "training/train_options.h"

namespace cigli {

void TrainOptions::visit(Fields& f) {
  f("data", data, "dataset folder, or file made by `cigli data pack`", Required{});
  f("out", out, "run folder", Required{});
  f("steps", steps, "steps of the whole training (20000 unless --minutes is given)", Range{1, 1e12});
  f("minutes", minutes,
    "end the training after this many minutes, its learning rate going by the clock (so that a repetition or "
    "resumption "
    "is bit-identical only with --steps); 0 = by steps alone",
    Range{0});
  f("resume", resume,
    "continue from the `latest` checkpoint of the run folder (from the start where there is none yet), or from a "
    "checkpoint file");
  f("init", init, "model whose weights and vocabulary a new training starts from, of the same architecture");
  f("teacher", teacher, "flow to distil into this training's flow map; set by `cigli distill`");
  f("batch_size", batch_size, "pairs a step", Range{1, 65536});
  schedule.visit(f);
  optimizer.visit(f);
  loss.visit(f);
  f("precision", precision,
    "type of weights and activations; auto: bf16 where the device computes in it; masters are always float32",
    Choices{{"auto", "bf16", "fp32"}});
  device.visit(f);
  f("seed", seed, "seed of weights, order and noise", Range{0});
  f("size", size, "height at which a dataset folder is packed (64 unless given); a pack has its own", Range{8, 4096});
  f("save_every", save_every, "steps between checkpoints; 0 = at the end only", Range{0});
  f("keep_last", keep_last, "checkpoints to keep", Range{1});
  f("sample_every", sample_every, "steps between sample sheets; 0 = none", Range{0});
  f("samples", samples, "rows of a sample sheet", Range{1, 256});
  f("log_every", log_every, "steps between lines of log.jsonl", Range{1});
  f("threads", threads, "threads; 0 = all cores", Range{0, 1024});
  f.group("distillation", distillation);
  f.group("gan", gan);
  f.group("model", model);
}

}  // namespace cigli
