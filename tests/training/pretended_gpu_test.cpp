#include "tests/pretended_gpu.h"

#include <gtest/gtest.h>

#include "dataset/pack.h"
#include "tests/training/tiny_gan.h"
#include "training/channels_last.h"
#include "training/distillation.h"
#include "training/objective.h"

namespace cigli {
namespace {

using torch::Tensor;

struct Outcome {
  std::vector<double> losses;
  std::map<std::string, Tensor> weights;  // averaged, on the CPU
};

Outcome trained(const TrainOptions& options, torch::Device device) {
  const Pack pack(options.data);
  torch::manual_seed(3);
  Generator model =
      options.teacher.empty() ? Generator(options.model, Tokenizer()) : flow_map_of(load_model(options.teacher));
  use_channels_last(*model);
  model->to(device);
  Optimizer optimizer(model->named_parameters(), options.optimizer);
  const std::unique_ptr<Objective> objective = make_objective(options, model, optimizer);
  Outcome outcome;
  for (std::int64_t step = 0; step < 3; ++step) {
    const Batch pairs = pack.batch({4 * step % 8, 4 * step % 8 + 1, 4 * step % 8 + 2, 4 * step % 8 + 3}, device);
    outcome.losses.push_back(objective->step(pairs, step, 0).loss);
  }
  for (std::size_t i = 0; i < optimizer.size(); ++i)
    outcome.weights[optimizer.name(i)] = optimizer.view(Optimizer::average, i).cpu();
  return outcome;
}

void expect_the_same_on_both(TrainOptions options, const std::string& data) {
  options.data = data;
  options.precision = "fp32";
  options.model.height = options.model.width = options.model.prompt_height = options.model.prompt_width = 16;
  const Outcome here = trained(options, torch::kCPU), there = trained(options, pretended_gpu::device);
  for (std::size_t i = 0; i < here.losses.size(); ++i)
    EXPECT_NEAR(here.losses[i], there.losses[i], 2e-3 * std::abs(here.losses[i])) << "step " << i;
  for (const auto& [name, weight] : here.weights) {
    // Not the largest: a first step of Adam has the size of the learning rate, whatever sign rounding gives the
    // gradient.
    const double distance = (weight - there.weights.at(name)).abs().mean().item<double>();
    EXPECT_LT(distance, 1e-4) << name;
  }
}

class OnAnotherDevice : public testing::Test {
 protected:
#if TORCH_VERSION_MAJOR > 1 && defined(CIGLI_CUDA)
  void SetUp() override { GTEST_SKIP() << "to autograd of a LibTorch with CUDA no other device computes"; }
#endif
  OnAnotherDevice() : data_(folder_ / "data.pack") {
    pack_dataset(make_tiny_dataset(folder_ / "data", 8), data_, pack_options());
  }
  static PackOptions pack_options() {
    PackOptions options;
    options.size = 16;
    return options;
  }
  TemporaryFolder folder_;
  std::string data_;
};

TEST_F(OnAnotherDevice, AFlowLearnsTheSame) {
  for (const char* optimizer : {"adamw", "muon"}) {
    TrainOptions options = tiny_options("", "");
    options.optimizer.kind = optimizer;
    expect_the_same_on_both(options, data_);
  }
}

TEST_F(OnAnotherDevice, AGanLearnsTheSameThroughAnyFusion) {
  for (const char* fusion : {"joint", "concat", "affine"})
    expect_the_same_on_both(tiny_gan_options("", "", fusion), data_);
}

TEST_F(OnAnotherDevice, ADistilledModelLearnsTheSame) {
  TrainOptions options = tiny_options("", "");
  ModelOptions model = options.model;
  model.height = model.width = model.prompt_height = model.prompt_width = 16;
  options.teacher = folder_ / "teacher.safetensors";
  torch::manual_seed(4);
  Generator teacher(model, Tokenizer());
  save_model(options.teacher, teacher);
  options.model = flow_map_of(teacher)->options;
  options.distillation.guidance_image = 2;
  expect_the_same_on_both(options, data_);
}

TEST(PretendedGpu, RefusesTensorsOfAnotherDevice) {
  const Tensor there = torch::ones({2, 3}, pretended_gpu::device);
  EXPECT_THROW(there + torch::ones({2, 3}), c10::Error);
  EXPECT_THROW(torch::cat({there, torch::ones({2, 3})}), c10::Error);
  EXPECT_THROW(torch::matmul(there, torch::ones({3, 2})), c10::Error);
  EXPECT_TRUE(torch::equal((there + 1).cpu(), torch::full({2, 3}, 2.0f)));
}

}  // namespace
}  // namespace cigli
