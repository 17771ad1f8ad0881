// A worker for tests of the benchmark's referee: it "draws" by copying the prompt, and does what its options say.
// It links nothing large, so that what it occupies is what the options make it occupy.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace {

using Json = nlohmann::json;

std::map<std::string, double> options;

double option(const std::string& name) { return options.count(name) != 0 ? options[name] : 0; }

void say(const Json& line) { std::cout << line.dump() << std::endl; }

void sleep_ms(double milliseconds) {
  std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(milliseconds));
}

void burn_ms(double milliseconds) {
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count() < milliseconds) {
  }
}

std::vector<std::vector<char>> kept;

void occupy(double megabytes) {
  if (megabytes > 0) kept.emplace_back(static_cast<std::size_t>(megabytes * 1e6), 'x');
}

Json answer(const Json& question, int call) {
  sleep_ms(option("sleep-ms"));
  burn_ms(option("burn-ms"));
  if (option("stall-every") > 0 && call % static_cast<int>(option("stall-every")) == 0) sleep_ms(option("stall-ms"));
  if (option("slower-from") > 0 && call >= option("slower-from")) sleep_ms(option("sleep-ms"));
  occupy(option("leak-mb"));
  const auto here = [&](const char* name) { return option(name) == call; };
  if (here("crash-at")) {
    std::cerr << "out of ideas\n";
    std::exit(7);
  }
  if (here("hang-at")) sleep_ms(1e7);
  if (here("error-at")) return {{"error", "no memory for this"}};
  if (question.contains("train")) {
    const int steps = question["train"]["steps"];
    return {{"done", steps * static_cast<int>(option("batch-size")) - (here("short-at") ? 1 : 0)}, {"loss", 0.5}};
  }
  const Json& wishes = question.at("generate");
  if (here("late-at")) {
    say({{"done", static_cast<int>(wishes.size())}});
    sleep_ms(50);
  }
  for (const Json& wish : wishes) {
    if (here("skip-image-at")) break;
    std::filesystem::copy_file(wish.at("image").get<std::string>(), wish.at("file").get<std::string>(),
                               std::filesystem::copy_options::overwrite_existing);
  }
  return {{"done", static_cast<int>(wishes.size()) - (here("short-at") ? 1 : 0)}};
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; i += 2) options[std::string(argv[i]).substr(2)] = std::atof(argv[i + 1]);
  if (option("mute") > 0) sleep_ms(1e7);
  if (option("protocol") > 0) {
    say({{"protocol", static_cast<int>(option("protocol"))}, {"name", "fake"}});
  } else {
    say({{"protocol", 1}, {"name", "fake"}});
  }
  sleep_ms(option("load-ms"));
  occupy(option("load-mb"));
  Json ready{{"ready", true}, {"weights_bytes", 1000}};
  if (option("batch-size") > 0) ready["batch_size"] = static_cast<int>(option("batch-size"));
  say(ready);
  int call = 0;
  for (std::string line; std::getline(std::cin, line);) {
    const Json answered = answer(Json::parse(line), ++call);
    if (option("late-at") != call) say(answered);
  }
  return static_cast<int>(option("exit-code"));
}
