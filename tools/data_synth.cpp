#include "dataset/shapes/synth.h"
#include "runtime/interrupt.h"
#include "runtime/progress.h"
#include "tools/commands.h"

namespace cigli {

int run_data_synth(const Arguments& arguments) {
  const SynthOptions options = parse<SynthOptions>(arguments);
  const InterruptGuard guard;
  Progress progress("pairs", options.count);
  synthesise(options, [&](std::int64_t done) {
    if (InterruptGuard::requested())
      throw Interrupted(options.out + ": interrupted after " + std::to_string(done) + " of " +
                        std::to_string(options.count) + " pairs; no metadata.jsonl was written");
    progress.update(done);
  });
  progress.finish();
  return 0;
}

}  // namespace cigli
