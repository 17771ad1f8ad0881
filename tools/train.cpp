#include <iostream>

#include "tools/commands.h"
#include "training/trainer.h"

namespace cigli {

int run_train(const Arguments& arguments) {
  const auto options = parse<TrainOptions>(arguments);
  Trainer trainer(options);
  std::int64_t weights = 0;
  for (const auto& parameter : trainer.model()->parameters()) weights += parameter.numel();
  std::cerr << "training " << weights << " weights on " << trainer.data().train.size() << " pairs";
  if (!options.resume.empty()) std::cerr << ", going on after step " << trainer.state().step;
  std::cerr << '\n';
  const bool finished = trainer.run();
  std::cerr << (finished ? "finished" : "interrupted") << " after step " << trainer.state().step << ": saved "
            << options.out << "/model.safetensors"
            << (finished ? "" : " and a checkpoint; --resume latest goes on from there") << '\n';
  return 0;
}

}  // namespace cigli
