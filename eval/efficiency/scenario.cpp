#include "eval/efficiency/scenario.h"

#include <algorithm>
#include <cmath>
#include <system_error>
#include <utility>

#include "dataset/image.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/interrupt.h"
#include "runtime/philox.h"
#include "runtime/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

// Arrivals within a slot of length `mean` of a Poisson process of rate 1.
std::int64_t poisson(double mean, Philox& random) {
  std::int64_t arrivals = 0;
  for (double time = -std::log1p(-random.uniform()); time <= mean; time -= std::log1p(-random.uniform())) ++arrivals;
  return arrivals;
}

std::int64_t bounded_poisson(std::int64_t mean, Philox& random) {
  while (true) {
    const std::int64_t arrivals = poisson(static_cast<double>(mean), random);
    if (arrivals >= 1 && arrivals <= 2 * mean) return arrivals;
  }
}

std::string size_text(const ImageSize& size) { return std::to_string(size.width) + "x" + std::to_string(size.height); }

// The image that a worker says it has made.
ImageSize look_at(const fs::path& file) {
  const std::string bytes = read_file(file);
  if (bytes.rfind("\x89PNG", 0) != 0) throw Error(file.string() + ": is no PNG");
  const Image image = decode_image(bytes, file.string());
  return {image.width, image.height};
}

// Requests for a worker, a call at a time, which go through the rows again and again; no request comes twice, as its
// seed is the row's and how often the row has come before.
class RequestStream {
 public:
  RequestStream(const std::vector<ImageRequest>& rows, fs::path folder, ImageSize size)
      : rows_(rows), folder_(std::move(folder)), size_(size) {}

  // Where the next request comes from.
  void seek(std::int64_t position) { position_ = position; }

  std::vector<WorkerRequest> next(std::int64_t count) {
    const auto available = static_cast<std::int64_t>(rows_.size());
    std::vector<WorkerRequest> requests;
    for (std::int64_t i = 0; i < count; ++i, ++position_) {
      const ImageRequest& row = rows_[static_cast<std::size_t>(position_ % available)];
      requests.push_back({row.id, row.text, fs::absolute(row.image),
                          row.seed.value_or(0) + static_cast<std::uint64_t>(position_ / available),
                          fs::absolute(folder_ / (row.id + ".png"))});
      std::error_code ignored;
      fs::remove(requests.back().file, ignored);  // what an earlier call left would hide that this one made nothing
    }
    return requests;
  }

  void check(const std::vector<WorkerRequest>& requests, const std::string& worker) {
    for (const WorkerRequest& request : requests) {
      ImageSize size;
      try {
        size = look_at(request.file);
      } catch (const Error& error) {
        throw Error(worker + ", request " + request.id + ": said that it was done, but " + error.what());
      }
      if (size_.width == 0) size_ = size;
      if (size.width != size_.width || size.height != size_.height)
        throw Error(worker + ", request " + request.id + ": an image of " + size_text(size) +
                    ", but the first was of " + size_text(size_));
    }
  }

  const ImageSize& size() const { return size_; }

 private:
  const std::vector<ImageRequest>& rows_;
  fs::path folder_;
  ImageSize size_;
  std::int64_t position_ = 0;
};

CallTiming carry_out(Worker& worker, RequestStream& stream, std::int64_t size, bool training, EnergyMeter& meter) {
  if (InterruptGuard::requested()) throw Interrupted("interrupted");
  if (training) {
    meter.begin();
    const double seconds = worker.train(size);
    meter.end();
    return {seconds, size * worker.training_batch()};
  }
  const std::vector<WorkerRequest> requests = stream.next(size);
  meter.begin();
  const double seconds = worker.generate(requests, [&] {
    meter.end();
    stream.check(requests, worker.name());
  });
  return {seconds, size};
}

}  // namespace

const std::vector<std::string>& scenario_names() {
  static const std::vector<std::string> names{"single-stream", "fixed-batch", "random-batch", "offline", "training"};
  return names;
}

ScenarioOptions scenario_of(const std::string& name) {
  const auto& names = scenario_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) throw Error("no scenario is called '" + name + "'");
  ScenarioOptions options;
  options.scenario = name;
  if (name != "single-stream") options.calls = 20;
  if (name == "offline") {
    options.calls = 4;
    options.warmup = 1;
  }
  return options;
}

std::vector<std::int64_t> plan_calls(const ScenarioOptions& options, std::int64_t round, std::int64_t available) {
  Philox random(options.seed, static_cast<std::uint64_t>(round));
  const auto size = [&]() -> std::int64_t {
    if (options.scenario == "single-stream") return 1;
    if (options.scenario == "fixed-batch") return options.batch_size;
    if (options.scenario == "random-batch") return bounded_poisson(options.batch_size, random);
    if (options.scenario == "offline") return available;
    return options.steps_per_call;
  };
  std::vector<std::int64_t> sizes;
  for (std::int64_t i = 0; i < options.calls; ++i) sizes.push_back(size());
  return sizes;
}

RoundRecord run_round(Worker& worker, const std::vector<ImageRequest>& rows, const RoundOptions& options) {
  const bool training = options.scenario.scenario == "training";
  if (!training && rows.empty()) throw Error("a scenario of generation needs at least one request");
  const auto available = static_cast<std::int64_t>(rows.size());
  const std::vector<std::int64_t> sizes = plan_calls(options.scenario, options.round, available);
  EnergyMeter warming, meter(options.watts_per_core);
  RoundRecord record;
  record.image_size = options.image_size;
  {
    constexpr std::int64_t far = std::int64_t{1} << 40;  // beyond whatever is measured
    const TemporaryFolder apart;                         // what warming up makes is not to be scored
    RequestStream stream(rows, apart.path(), record.image_size);
    stream.seek(far + options.round * options.scenario.warmup * sizes[0]);
    for (std::int64_t i = 0; i < options.scenario.warmup; ++i) carry_out(worker, stream, sizes[0], training, warming);
    record.image_size = stream.size();
  }

  RequestStream stream(rows, options.images, record.image_size);
  std::int64_t before = 0;  // requests of earlier rounds
  for (std::int64_t round = 0; round < options.round; ++round)
    for (const std::int64_t size : plan_calls(options.scenario, round, available)) before += size;
  stream.seek(before);
  const ProcessUsage first = worker.usage();
  for (const std::int64_t size : sizes) record.calls.push_back(carry_out(worker, stream, size, training, meter));
  const ProcessUsage last = worker.usage();

  record.image_size = stream.size();
  record.start_seconds = worker.start_seconds();
  record.cpu_seconds = last.cpu_seconds - first.cpu_seconds;
  record.baseline_bytes = worker.baseline_bytes();
  record.peak_bytes = last.peak_bytes;
  record.first_resident_bytes = first.resident_bytes;
  record.resident_bytes = last.resident_bytes;
  record.energy = meter.total(record.cpu_seconds);
  record.loss = worker.loss();
  record.title = worker.title();
  record.details = worker.details();
  return record;
}

}  // namespace cigli
