#include "eval/efficiency/worker.h"

#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "runtime/error.h"
#include "runtime/interrupt.h"
#include "runtime/text.h"

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr int kProtocol = 1;
constexpr double kEndTimeout = 30;  // seconds

// While it stands, all processes of a command are stopped where they are.
class Held {
 public:
  explicit Held(const ChildProcess& process) : process_(process) { process_.hold(); }
  ~Held() { process_.let_go(); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  const ChildProcess& process_;
};

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

}  // namespace

Worker::Worker(const WorkerOptions& options)
    : options_(options), process_(options.command), loss_(std::numeric_limits<double>::quiet_NaN()) {
  const Clock::time_point begin = Clock::now();
  const Json hello = answer();
  if (hello.value("protocol", Json()) != kProtocol || !hello.contains("name") || !hello["name"].is_string())
    fail("began with " + clipped(hello.dump(), 100) + R"(, expected {"protocol": 1, "name": "..."})");
  title_ = hello["name"];
  {
    const Held held(process_);  // or it might load meanwhile
    baseline_ = process_.usage().resident_bytes;
  }
  details_ = answer();
  if (details_.value("ready", Json()) != true)
    fail("went on with " + clipped(details_.dump(), 100) + R"(, expected {"ready": true, ...})");
  start_seconds_ = seconds_since(begin);
  details_.erase("ready");
  if (details_.contains("batch_size") && details_["batch_size"].is_number_integer())
    batch_size_ = details_["batch_size"];
}

void Worker::fail(const std::string& what) const {
  throw Error(options_.name + (questions_ > 0 ? ", call " + std::to_string(questions_) : "") + ": " + what);
}

Json Worker::answer() {
  std::string line;
  try {
    line = process_.read_line(options_.timeout);
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    fail(error.what());
  }
  Json answered = Json::parse(line, nullptr, false);
  if (!answered.is_object()) fail("wrote '" + clipped(line, 100) + "' to its stdout, expected one JSON object a line");
  if (answered.contains("error")) {
    const Json& error = answered["error"];
    fail(clipped(error.is_string() ? error.get<std::string>() : error.dump(), 500));
  }
  return answered;
}

double Worker::ask(const Json& question, std::int64_t expected, Json& answered, const std::function<void()>& look) {
  ++questions_;
  if (process_.has_spoken()) fail("wrote to its stdout without being asked");
  const std::string line = question.dump();
  const Clock::time_point begin = Clock::now();
  try {
    process_.write_line(line, options_.timeout);
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    fail(error.what());
  }
  answered = answer();
  const double seconds = seconds_since(begin);
  const Held held(process_);
  const Json done = answered.value("done", Json());
  if (!done.is_number_integer() || done.get<std::int64_t>() != expected)
    fail("answered " + clipped(answered.dump(), 100) + ", expected \"done\": " + std::to_string(expected));
  if (look) look();
  return seconds;
}

double Worker::generate(const std::vector<WorkerRequest>& requests, const std::function<void()>& look) {
  Json list = Json::array();
  for (const WorkerRequest& request : requests)
    list.push_back({{"id", request.id},
                    {"text", request.text},
                    {"image", request.image.string()},
                    {"seed", request.seed},
                    {"file", request.file.string()}});
  Json answered;
  return ask({{"generate", std::move(list)}}, static_cast<std::int64_t>(requests.size()), answered, look);
}

double Worker::train(std::int64_t steps) {
  if (batch_size_ < 1) fail("said no \"batch_size\" when it was ready, which a training needs");
  Json answered;
  const double seconds = ask({{"train", {{"steps", steps}}}}, steps * batch_size_, answered, {});
  const Json loss = answered.value("loss", Json());
  if (!loss.is_number() || !std::isfinite(loss.get<double>()))
    fail("answered " + clipped(answered.dump(), 100) + ", expected a finite \"loss\"");
  loss_ = loss;
  return seconds;
}

void Worker::finish() {
  ProcessEnd end;
  try {
    end = process_.finish(kEndTimeout);
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    fail(error.what());
  }
  if (end.signal != 0) fail("was ended by signal " + std::to_string(end.signal));
  if (end.code != 0)
    fail("ended with exit code " + std::to_string(end.code) + ": " + clipped(process_.last_words(), 300));
}

}  // namespace cigli
