#include "tools/model_choice.h"

#include "models/embedded.h"
#include "runtime/device.h"

namespace cigli {

void ModelChoice::visit(Fields& f) {
  f("model", model, "model file, checkpoint or run folder; without it, the model inside this program");
  f("method", method, "sampler; the model's own by default", Choices{{"euler", "heun"}});
  f("steps", steps, "sampler steps; the model's own by default", Range{1, 10000});
  f("guidance_text", guidance_text, "guidance by the text; the model's own by default", Range{0, 100});
  f("guidance_image", guidance_image, "guidance by the image prompt; the model's own by default", Range{0, 100});
  f("precision", precision, "auto: bf16 where the device computes in it", Choices{{"auto", "bf16", "fp16", "fp32"}});
  device.visit(f);
}

namespace {

torch::Dtype dtype_named(const std::string& precision) {
  if (precision == "fp16") return torch::kFloat16;
  return precision == "bf16" ? torch::kBFloat16 : torch::kFloat32;
}

}  // namespace

ChosenModel load_chosen(const ModelChoice& choice) {
  ModelInfo info;
  ChosenModel chosen;
  chosen.model = choice.model.empty() ? load_model(embedded_model(), "the embedded model", &info)
                                      : load_model(choice.model, &info);
  chosen.model->eval();
  const torch::Device device = find_device(choice.device.device);
  chosen.precision = choice.precision;
  if (choice.precision == "auto") chosen.precision = computes_in_bf16(device) ? "bf16" : "fp32";
  if (chosen.precision == "fp16" && device.is_cpu())
    throw UsageError("--precision fp16 is for GPUs; expected auto, bf16 or fp32 on the CPU");
  chosen.model->to(device, dtype_named(chosen.precision));
  chosen.sampling = chosen.model->options.sampling;
  chosen.sampling.method = choice.method.value_or(chosen.sampling.method);
  chosen.sampling.steps = choice.steps.value_or(chosen.sampling.steps);
  chosen.sampling.guidance_text = choice.guidance_text.value_or(chosen.sampling.guidance_text);
  chosen.sampling.guidance_image = choice.guidance_image.value_or(chosen.sampling.guidance_image);
  check_sampling(chosen.model->options.decoder, chosen.sampling);
  chosen.hash = info.hash;
  return chosen;
}

}  // namespace cigli
