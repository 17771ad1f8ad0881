#include <filesystem>
#include <iostream>

#include "decoder/generator.h"
#include "runtime/text.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct ExportOptions {
  std::string model, out, precision = "bf16";
  std::optional<std::string> method;
  std::optional<std::int64_t> steps;
  std::optional<double> guidance_text, guidance_image;

  void visit(Fields& f) {
    f("model", model, "model file, checkpoint or run folder", Required{});
    f("out", out, "model file to write", Required{});
    f("precision", precision, "type of the stored weights", Choices{{"bf16", "fp32"}});
    f("method", method, "default sampler from now on", Choices{{"euler", "heun"}});
    f("steps", steps, "default sampler steps from now on", Range{1, 1000});
    f("guidance_text", guidance_text, "default guidance by the text from now on", Range{0, 100});
    f("guidance_image", guidance_image, "default guidance by the image prompt from now on", Range{0, 100});
  }
};

}  // namespace

int run_export(const Arguments& arguments) {
  const auto options = parse<ExportOptions>(arguments);
  ModelInfo info;
  Generator model = load_model(options.model, &info);
  SamplerOptions& sampling = model->options.sampling;
  sampling.method = options.method.value_or(sampling.method);
  sampling.steps = options.steps.value_or(sampling.steps);
  sampling.guidance_text = options.guidance_text.value_or(sampling.guidance_text);
  sampling.guidance_image = options.guidance_image.value_or(sampling.guidance_image);
  check_sampling(model->options.decoder, sampling);
  std::map<std::string, std::string> extra;
  if (const auto step = info.metadata.find("cigli.step"); step != info.metadata.end()) extra.insert(*step);
  save_model(options.out, model, options.precision == "bf16", extra);
  std::cout << options.out << ": " << human_bytes(static_cast<double>(std::filesystem::file_size(options.out))) << '\n';
  return 0;
}

}  // namespace cigli
