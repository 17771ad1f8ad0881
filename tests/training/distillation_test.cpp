#include "training/distillation.h"

#include <gtest/gtest.h>

#include "dataset/tensor_image.h"
#include "tests/training/tiny_run.h"

namespace cigli {
namespace {

using torch::Tensor;

// A tiny flow, trained for so many steps, in float32 on every machine: what guidance does to it differs by precision.
std::string tiny_teacher(const std::string& data, const std::string& out, std::int64_t steps) {
  TrainOptions options = tiny_options(data, out);
  options.steps = steps;
  options.precision = "fp32";
  options.save_every = 0;
  options.schedule.learning_rate = 3e-3;
  options.loss.drop_text = options.loss.drop_both = 0.2;
  options.model.sampling.guidance_text = 2;
  Trainer(options).run();
  return out + "/model.safetensors";
}

TrainOptions tiny_distillation(const std::string& data, const std::string& out, const std::string& teacher) {
  TrainOptions options = tiny_options(data, out);
  options.teacher = teacher;
  options.model = flow_map_of(load_model(teacher))->options;
  return options;
}

// Images of the dataset's first pairs.
Tensor drawn(Generator model, const std::string& data, std::int64_t steps, double guidance = 2) {
  model->eval();
  SamplerOptions sampling = model->options.sampling;
  sampling.steps = steps;
  sampling.guidance_text = guidance;
  std::vector<Request> requests;
  for (const Row& row : read_metadata_strict(data))
    requests.push_back({row.id, row.text, to_tensor(read_image(data + "/" + row.prompt_file_name)), 5, 0});
  return model->sample(requests, sampling);
}

TEST(Distillation, BeginsAsTheFlow) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 8);
  Generator flow = load_model(tiny_teacher(data, folder / "flow", 4));
  Generator map = flow_map_of(flow);
  EXPECT_TRUE(map->options.decoder.flow_map);
  EXPECT_EQ(map->words, flow->words);
  const torch::NoGradGuard no_grad;
  const Condition c = flow->condition({"make it red", "blue"}, torch::rand({2, 3, 16, 16}));
  const Tensor x = torch::randn({2, 3, 16, 16}), t = torch::tensor({0.1, 0.6});
  const Tensor jumped = map->forward(x, {t, torch::ones({2}), torch::full({2, 2}, 2.0)}, c);
  EXPECT_TRUE(torch::allclose(flow->forward(x, t, c), jumped, 1e-5, 1e-6));
  EXPECT_NE(error_of([&] { flow_map_of(map); }).find("distilled model already"), std::string::npos);
  EXPECT_THROW(map->forward(x, t, c), c10::Error);
  EXPECT_THROW(flow->forward(x, {t, t, t}, c), c10::Error);
}

// What samples in curves can teach, but what learns from it jumps in straight lines.
TEST(Distillation, ATeacherOfAnotherSamplerTeachesToo) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 4);
  Generator flow = load_model(tiny_teacher(data, folder / "flow", 2));
  flow->options.sampling.method = "heun";
  EXPECT_EQ(flow_map_of(flow)->options.sampling.method, "euler");
  flow->options.decoder.kind = "gan";
  EXPECT_NE(error_of([&] { flow_map_of(flow); }).find("this is a GAN"), std::string::npos);
}

TEST(Distillation, GoesOnWithItsOwnTeacherAlone) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 8);
  const std::string teacher = tiny_teacher(data, folder / "flow", 4);
  TrainOptions options = tiny_distillation(data, folder / "map", teacher);
  options.distillation.guidance_image = options.model.sampling.guidance_image = 1;
  {
    Trainer trainer(options);
    trainer.step();
    trainer.save();
  }
  options.resume = "latest";
  options.teacher = tiny_teacher(data, folder / "other", 6);
  EXPECT_NE(error_of([&] { Trainer again(options); }).find("a teacher of checksum"), std::string::npos);
  options.teacher = folder / "moved.safetensors";
  std::filesystem::rename(teacher, options.teacher);
  Trainer again(options);
  EXPECT_EQ(again.state().step, 1);
  again.step();
}

TEST(Distillation, TrainingRefusesWhatDoesNotGoTogether) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 4);
  TrainOptions options = tiny_options(data, folder / "run");
  options.model.decoder.flow_map = true;
  EXPECT_NE(error_of([&] { Trainer trainer(options); }).find("cigli distill"), std::string::npos);
  options.teacher = "a";
  options.init = "b";
  EXPECT_NE(error_of([&] { Trainer trainer(options); }).find("teacher's weights"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(options.out));
}

TEST(Distillation, DrawsAreAFunctionOfSeedAndPair) {
  SamplerOptions sampling;
  sampling.guidance_text = 7;
  sampling.guidance_image = 1.5;
  const DistillationOptions options;
  const PathDraw all = draw_paths(3, 0, {400, 3, 2, 2}, sampling, options);
  const PathDraw part = draw_paths(3, 390, {10, 3, 2, 2}, sampling, options);
  const PathDraw other = draw_paths(4, 0, {400, 3, 2, 2}, sampling, options);
  EXPECT_TRUE(torch::equal(all.noise.slice(0, 390), part.noise));
  EXPECT_TRUE(torch::equal(all.times.slice(0, 390), part.times));
  EXPECT_TRUE(torch::equal(all.guidance.slice(0, 390), part.guidance));
  EXPECT_TRUE(torch::equal(all.from.slice(0, 390), part.from));
  EXPECT_TRUE(torch::equal(all.until.slice(0, 390), part.until));
  EXPECT_FALSE(torch::equal(all.times, other.times));
  EXPECT_FALSE(torch::equal(all.from, other.from));

  const std::int64_t steps = options.teacher_steps;
  EXPECT_TRUE((all.times.select(1, 0) == 0).all().item<bool>());
  EXPECT_TRUE((all.times.select(1, steps) == 1).all().item<bool>());
  EXPECT_TRUE((all.times.diff() > 0).all().item<bool>());
  for (std::int64_t n = 1; n < steps; ++n) {  // about the sampler's own, not at them
    const Tensor times = all.times.select(1, n);
    const auto at = [&](double step) { return shifted_time(step / static_cast<double>(steps), sampling.shift); };
    EXPECT_NEAR(times.min().item<double>(), at(static_cast<double>(n) - 0.5), 0.01);
    EXPECT_NEAR(times.max().item<double>(), at(static_cast<double>(n) + 0.5), 0.01);
  }
  const auto share = [](const Tensor& hits) { return hits.to(torch::kFloat32).mean().item<double>(); };
  EXPECT_EQ(all.from.sizes(), (std::vector<std::int64_t>{400, options.jumps}));
  EXPECT_TRUE(((all.from >= 0) & (all.from < all.until) & (all.until <= steps)).all().item<bool>());
  // Of those that end anywhere some end at the image too, and of these some begin at the noise.
  const double ends = options.to_image + (1 - options.to_image) / static_cast<double>(steps);
  EXPECT_NEAR(share(all.until == steps), ends, 0.05);
  EXPECT_GT(share(all.from == 0), options.from_noise);
  EXPECT_GT(share(all.from == steps - 1), 0.02);
  const Tensor text = all.guidance.select(1, 0), image = all.guidance.select(1, 1);
  EXPECT_NEAR(share(text == 7), options.own_guidance, 0.1);
  EXPECT_TRUE(torch::equal(text == 7, image == 1.5));
  const Tensor others = text.masked_select(text != 7);
  EXPECT_TRUE(((others >= 1) & (others <= options.guidance_text)).all().item<bool>());
  EXPECT_GT(others.std().item<double>(), 0.4);
}

// Each row under its own guidance, over its own times: the last state is what the sampler draws under that guidance.
TEST(Distillation, PathsAreThoseOfTheTeachersSampler) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 4);
  Generator teacher = load_model(tiny_teacher(data, folder / "flow", 20));
  teacher->eval();
  const torch::NoGradGuard no_grad;
  SamplerOptions sampling = teacher->options.sampling;
  sampling.steps = 3;
  std::vector<Request> requests;
  std::vector<std::string> texts;
  std::vector<Tensor> prompts, noise;
  for (const Row& row : read_metadata_strict(data)) {
    requests.push_back({row.id, row.text, to_tensor(read_image(data + "/" + row.prompt_file_name)), 5, 0});
    texts.push_back(row.text);
    prompts.push_back(requests.back().prompt);
    noise.push_back(request_noise(5, row.id, 0, 16, 16));
  }
  const Tensor guidance = torch::tensor({{1.0F, 1.0F}, {3.0F, 1.0F}, {2.0F, 1.5F}, {1.0F, 2.0F}});
  Tensor times = torch::empty({4, 4});
  for (std::int64_t n = 0; n <= 3; ++n) times.select(1, n).fill_(shifted_time(static_cast<double>(n) / 3, 5));
  const Paths paths =
      teacher_paths(teacher, {torch::stack(noise), times, guidance, {}, {}}, texts, torch::stack(prompts));
  EXPECT_TRUE(torch::equal(paths.states.select(1, 0), torch::stack(noise)));
  for (std::int64_t i = 0; i < 4; ++i) {
    sampling.guidance_text = guidance[i][0].item<double>();
    sampling.guidance_image = guidance[i][1].item<double>();
    const Tensor image = teacher->sample({requests[static_cast<std::size_t>(i)]}, sampling)[0];
    EXPECT_TRUE(torch::allclose(paths.states[i][3].clamp(-1, 1), image, 1e-4, 1e-5)) << i;
    EXPECT_FALSE(torch::allclose(paths.states[i][2], image, 1e-2, 1e-2)) << i;
  }
}

// Only the network moves; what conditions it stays the teacher's.
TEST(Distillation, TeachesTheNetworkAlone) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 8);
  const std::string teacher = tiny_teacher(data, folder / "flow", 4);
  Trainer trainer(tiny_distillation(data, folder / "map", teacher));
  trainer.step();
  trainer.step();
  const auto before = flow_map_of(load_model(teacher))->named_parameters();
  for (const auto& parameter : trainer.model()->named_parameters()) {
    const Tensor& was = before[parameter.key()];
    const Tensor moved = (parameter.value().to(torch::kFloat32) - was).abs();
    if (parameter.key().rfind("denoiser.", 0) == 0)
      EXPECT_GT(moved.max().item<double>(), 0) << parameter.key();
    else
      EXPECT_TRUE((moved <= was.abs() / 256).all().item<bool>()) << parameter.key();  // bfloat16's rounding
  }
}

TEST(Distillation, AResumedRunEqualsAnUninterruptedOne) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 8);
  const std::string teacher = tiny_teacher(data, folder / "flow", 4);
  TrainOptions whole = tiny_distillation(data, folder / "whole", teacher), parts = whole;
  parts.out = folder / "parts";
  Trainer(whole).run();
  {
    Trainer trainer(parts);
    for (int i = 0; i < 3; ++i) trainer.step();
    trainer.save();
  }
  parts.resume = "latest";
  Trainer(parts).run();
  const auto read = [](const std::string& run) { return load_model(run + "/model.safetensors")->named_parameters(); };
  const auto one = read(whole.out), other = read(parts.out);
  for (const auto& parameter : one) EXPECT_TRUE(torch::equal(parameter.value(), other[parameter.key()]));
  EXPECT_EQ(drawn(load_model(whole.out), data, 1).sizes(), (std::vector<std::int64_t>{8, 3, 16, 16}));
}

// In one jump and in two the distilled model comes nearer to what the guided teacher draws in sixteen steps than the
// teacher itself does, and it is moved by guidance as the teacher is.
TEST(DistillationSlow, JumpsWhereTheGuidedTeacherLeads) {
  const TemporaryFolder folder;
  const std::string data = make_tiny_dataset(folder / "data", 36);
  const std::string teacher = tiny_teacher(data, folder / "flow", 300);
  TrainOptions options = tiny_distillation(data, folder / "map", teacher);
  options.steps = 600;
  options.batch_size = 4;
  options.save_every = 0;
  options.schedule.learning_rate = 2e-3;
  options.distillation.guidance_text = 4;
  options.distillation.guidance_image = 1;
  Trainer(options).run();
  Generator flow = load_model(teacher), map = load_model(options.out);
  const Tensor wanted = drawn(flow, data, 16);
  const auto distance = [&](const Generator& model, std::int64_t steps) {
    return (drawn(model, data, steps) - wanted).square().mean().item<double>();
  };
  for (const std::int64_t steps : {1, 2}) {
    RecordProperty("teacher_" + std::to_string(steps), std::to_string(distance(flow, steps)));
    RecordProperty("student_" + std::to_string(steps), std::to_string(distance(map, steps)));
    EXPECT_LT(distance(map, steps), 0.5 * distance(flow, steps)) << steps;
  }
  const auto moved = [&](const Generator& model, std::int64_t steps) {
    return (drawn(model, data, steps, 4) - drawn(model, data, steps, 1)).flatten();
  };
  const double along = torch::cosine_similarity(moved(map, 2), moved(flow, 16), 0).item<double>();
  RecordProperty("guidance", std::to_string(along));
  EXPECT_GT(along, 0.5);
}

}  // namespace
}  // namespace cigli
