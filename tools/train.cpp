#include <iostream>

#include "runtime/interrupt.h"
#include "tools/commands.h"
#include "training/trainer.h"

namespace cigli {

int run_train(const Arguments& arguments) {
  const auto options = parse<TrainOptions>(arguments);
  Trainer trainer(options);
  std::int64_t weights = 0;
  for (const auto& parameter : trainer.model()->parameters()) weights += parameter.numel();
  std::cerr << "training " << weights << " weights on " << trainer.data().train.size() << " pairs";
  if (trainer.state().step > 0)
    std::cerr << ", going on after step " << trainer.state().step;
  else if (!options.resume.empty())
    std::cerr << ", from the start: " << options.out << " holds no checkpoint";
  std::cerr << '\n';
  const bool finished = trainer.run();
  const std::string step = std::to_string(trainer.state().step);
  if (!finished)
    throw Interrupted(options.out + ": interrupted after step " + step +
                      ", model and checkpoint saved; --resume latest goes on from there");
  std::cerr << "finished after step " << step << ": saved " << options.out << "/model.safetensors\n";
  return 0;
}

}  // namespace cigli
