#include <exception>
#include <iostream>
#include <optional>

#include "dataset/fit.h"
#include "dataset/image.h"
#include "dataset/tensor_image.h"
#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/temporary_folder.h"
#include "runtime/text.h"
#include "tools/commands.h"
#include "tools/model_choice.h"
#include "training/trainer.h"

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

struct ServeOptions {
  ModelChoice model;
  std::string train, data;
  std::optional<std::int64_t> batch_size;
  std::int64_t threads = 0;

  void visit(Fields& f) {
    model.visit(f);
    f("batch_size", batch_size, "images computed together at most (default: 16)", Range{1, 4096});
    f("train", train, "answer requests for training steps instead: their configuration (TOML)");
    f("data", data, "what --train trains on: dataset folder or packed file");
    f("threads", threads, "threads, 0 = all cores", Range{0, 4096});
  }
};

void check_options(const ServeOptions& options) {
  if (options.train.empty() != options.data.empty())
    throw UsageError("serve: --train and --data belong together: a configuration, and what it trains on");
  const ModelChoice& choice = options.model;
  const bool draws = !choice.model.empty() || choice.method || choice.steps || choice.guidance_text ||
                     choice.guidance_image || options.batch_size || choice.device.device != "auto";
  if (!options.train.empty() && draws)
    throw UsageError(
        "serve: --model, how it draws, --device and --batch-size say nothing of --train, whose configuration has all");
}

// Bytes of a request or a file's name that aren't UTF-8 come back as U+FFFD.
void say(const Json& line) { std::cout << line.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl; }

std::uint64_t weight_bytes(const torch::nn::Module& network) {
  std::uint64_t bytes = 0;
  for (const torch::Tensor& weights : network.parameters())
    bytes += static_cast<std::uint64_t>(weights.numel()) * weights.element_size();
  return bytes;
}

// A member of a request; Error where it is absent or of another kind.
template <class T>
T member(const Json& object, const char* name) {
  try {
    return object.at(name).get<T>();
  } catch (const Json::exception&) {
    throw Error(std::string("a request has no fitting \"") + name + "\"");
  }
}

std::uint64_t seed_of(const Json& wish) {
  if (!wish.at("seed").is_number_unsigned()) throw Error("a request's \"seed\" must be an integer of at least 0");
  return wish.at("seed").get<std::uint64_t>();
}

class Drawing {
 public:
  explicit Drawing(const ServeOptions& options)
      : chosen_(load_chosen(options.model)), batch_size_(options.batch_size.value_or(16)) {
    say({{"ready", true},
         {"weights_bytes", weight_bytes(*chosen_.model)},
         {"precision", chosen_.precision},
         {"steps", chosen_.sampling.steps},
         {"model", chosen_.hash},
         {"runtime", runtime_description()}});
  }

  std::int64_t answer(const Json& wishes) {
    if (!wishes.is_array()) throw Error(R"("generate" must be a list of requests)");
    const auto size = static_cast<std::size_t>(batch_size_);
    for (std::size_t first = 0; first < wishes.size(); first += size)
      draw(wishes, first, std::min(first + size, wishes.size()));
    return static_cast<std::int64_t>(wishes.size());
  }

 private:
  void draw(const Json& wishes, std::size_t first, std::size_t last) {
    const ModelOptions& model = chosen_.model->options;
    std::vector<Request> requests;
    for (std::size_t i = first; i < last; ++i) {
      const Image prompt = read_image(member<std::string>(wishes[i], "image"));
      requests.push_back({member<std::string>(wishes[i], "id"), member<std::string>(wishes[i], "text"),
                          to_tensor(fit(prompt, model.prompt_width, model.prompt_height)),
                          wishes[i].contains("seed") ? seed_of(wishes[i]) : 0, 0});
    }
    const std::vector<Image> images = to_images(chosen_.model->sample(requests, chosen_.sampling));
    for (std::size_t i = first; i < last; ++i)
      write_png_unsynced(member<std::string>(wishes[i], "file"), images[i - first]);
  }

  ChosenModel chosen_;
  std::int64_t batch_size_;
};

class Training {
 public:
  explicit Training(const ServeOptions& options) : trainer_(options_of(options, run_)) {
    say({{"ready", true},
         {"batch_size", trainer_.state().batch_size},
         {"weights_bytes", weight_bytes(*trainer_.model())},
         {"runtime", runtime_description()}});
  }

  Json answer(const Json& wish) {
    const auto steps = member<std::int64_t>(wish, "steps");
    if (steps < 1) throw Error(R"("steps" must be at least 1)");
    double loss = 0;
    for (std::int64_t i = 0; i < steps; ++i) loss = trainer_.step();
    return {{"done", steps * trainer_.state().batch_size}, {"loss", loss}};
  }

 private:
  static TrainOptions options_of(const ServeOptions& options, const TemporaryFolder& run) {
    TrainOptions training;
    read_toml(fields_of(training), options.train);
    training.data = options.data;
    training.out = run.path().string();
    training.threads = options.threads;
    if (options.model.precision != "auto") training.precision = options.model.precision;
    return training;
  }

  TemporaryFolder run_;
  Trainer trainer_;
};

Json parsed(const std::string& line) {
  Json question = Json::parse(line, nullptr, false);
  if (!question.is_object()) throw Error("stdin holds '" + clipped(line, 60) + "', expected one JSON object a line");
  return question;
}

// Answers what comes on stdin until it ends.
template <class Answer>
int answer_all(const Answer& answer) {
  for (std::string line; std::getline(std::cin, line);) {
    if (line.empty()) continue;
    try {
      say(answer(parsed(line)));
    } catch (const c10::Error& error) {
      const std::string message = error.what_without_backtrace();
      say({{"error", message.substr(0, message.find('\n'))}});
    } catch (const std::exception& error) {
      say({{"error", error.what()}});
    }
  }
  return 0;
}

}  // namespace

int run_serve(const Arguments& arguments) {
  const auto options = parse<ServeOptions>(arguments);
  check_options(options);
  set_threads(options.threads);
  say({{"protocol", 1}, {"name", std::string("cigli ") + CIGLI_VERSION}});
  if (!options.train.empty()) {
    Training training(options);
    return answer_all([&](const Json& wish) { return training.answer(member<Json>(wish, "train")); });
  }
  Drawing drawing(options);
  return answer_all([&](const Json& wish) { return Json{{"done", drawing.answer(member<Json>(wish, "generate"))}}; });
}

}  // namespace cigli
