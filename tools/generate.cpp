#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <set>

#include "dataset/derangement.h"
#include "runtime/device.h"
#include "runtime/files.h"
#include "runtime/interrupt.h"
#include "tools/commands.h"
#include "tools/generation.h"
#include "tools/generation_report.h"
#include "tools/model_choice.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct GenerateOptions {
  ModelChoice model;
  std::string requests, text, image, out, split, swap;
  std::int64_t seed = 0, n = 1, limit = 0, threads = 0;
  std::optional<std::int64_t> batch_size;
  bool metadata = true;

  void visit(Fields& f) {
    model.visit(f);
    f("requests", requests, "JSONL or CSV rows {id, text, image, seed?, n?}, or a dataset's metadata.jsonl");
    f("text", text, "the sentence of a single request");
    f("image", image, "the image prompt of a single request");
    f("out", out, "folder for --requests; PNG file for a single request (X-0.png, X-1.png, ... with --n)", Required{});
    f("split", split, "requests of this split alone");
    f("limit", limit, "carry out the first so many requests, 0 = all", Range{0, 1e12});
    f("swap", swap, "give every request another one's text or image", Choices{{"", "text", "image"}});
    f("n", n, "images a request, where it names no n itself", Range{1, 10000});
    f("seed", seed, "seed of the noise, where a request names none itself", Range{0, 9e18});
    f("batch_size", batch_size, "images computed together; auto: 16, on a GPU as many as its memory holds, up to 256",
      Range{1, 4096}, Choices{{"auto"}});
    f("metadata", metadata, "write text, seed, settings and model hash into the PNG");
    f("threads", threads, "threads, 0 = all cores", Range{0, 4096});
  }
};

void check_options(const GenerateOptions& options) {
  const bool one = !options.text.empty() || !options.image.empty();
  if (one == !options.requests.empty())
    throw UsageError("generate: give either --requests FILE or --text T and --image P");
  if (one && (options.text.find_first_not_of(" \t\r\n") == std::string::npos || options.image.empty()))
    throw UsageError("generate: a single request needs both --text T, not empty, and --image P");
  if (one && (!options.swap.empty() || !options.split.empty()))
    throw UsageError("generate: --swap and --split need --requests FILE");
  if (one && fs::path(options.out).extension() != ".png")
    throw UsageError("generate: --out is '" + options.out + "', expected a file name ending in .png");
  const fs::path folder = fs::path(options.out).parent_path();
  if (one && !folder.empty() && !fs::is_directory(folder))
    throw Error("generate: --out is '" + options.out + "', but there is no folder " + folder.string());
}

GenerationSettings settings_of(const GenerateOptions& options, const ChosenModel& chosen) {
  GenerationSettings settings;
  settings.sampling = chosen.sampling;
  settings.precision = chosen.precision;
  settings.batch_size = options.batch_size.value_or(chosen.model->device().is_cpu() ? 16 : 256);
  settings.metadata = options.metadata;
  settings.swap = options.swap;
  settings.model_hash = chosen.hash;
  return settings;
}

void swap_inputs(std::vector<ImageRequest>& rows, const std::string& swap, std::uint64_t seed) {
  if (swap.empty()) return;
  std::vector<std::string> keys;
  for (const ImageRequest& row : rows) keys.push_back(swap == "text" ? row.text : row.image.string());
  const std::vector<std::size_t> other = derangement(keys, seed);
  std::size_t same = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) same += keys[other[i]] == keys[i];
  if (same > 0)
    std::cerr << "cigli: warning: --swap " << swap << ": " << same << " of " << rows.size() << " requests get an equal "
              << swap << ", too many of them share one\n";
  const std::vector<ImageRequest> before = rows;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (swap == "text") {
      rows[i].text = before[other[i]].text;
    } else {
      rows[i].image_name = before[other[i]].image_name;
      rows[i].image = before[other[i]].image;
    }
  }
}

// Refuses texts many times longer than what the model reads; warns of those it may not understand.
void check_texts(const GeneratorImpl& model, std::vector<ImageRequest>& rows, const std::string& file,
                 Failures& failures) {
  constexpr std::int64_t far_beyond = 4, most_warnings = 10;
  std::int64_t warnings = 0;
  const auto hopeless = [&](const ImageRequest& row) {
    const auto tokens = static_cast<std::int64_t>(model.tokenizer.encode(row.text).size()) + 2;
    if (tokens > far_beyond * model.options.text.context) {
      failures.push_back({row.line, row.id,
                          "text of " + std::to_string(tokens) + " tokens, expected at most " +
                              std::to_string(model.options.text.context)});
      return true;
    }
    const std::string warning = model.text_warning(row.text);
    if (!warning.empty() && ++warnings <= most_warnings)
      std::cerr << "cigli: warning: " << file << (row.line ? ":" + std::to_string(row.line) : "") << ": " << warning
                << "\n";
    return false;
  };
  rows.erase(std::remove_if(rows.begin(), rows.end(), hopeless), rows.end());
  if (warnings > most_warnings)
    std::cerr << "cigli: warning: " << file << ": " << warnings - most_warnings << " more texts like these\n";
}

int generate_one(const GenerateOptions& options) {
  const ChosenModel chosen = load_chosen(options.model);
  const GenerationSettings settings = settings_of(options, chosen);
  Generator model = chosen.model;
  std::vector<ImageRequest> rows(1);
  rows[0].id = "image";  // the noise depends on it: the same whatever the output's name
  rows[0].text = options.text;
  rows[0].image_name = options.image;
  rows[0].image = options.image;
  Failures failures;
  check_texts(*model, rows, "--text", failures);
  if (!failures.empty()) throw Error("--text: " + failures[0].reason);
  std::vector<ImageJob> jobs = plan_jobs(rows, options.n, static_cast<std::uint64_t>(options.seed), failures);
  const fs::path out = options.out;
  for (ImageJob& job : jobs)
    job.file = out.stem().string() + (options.n > 1 ? "-" + std::to_string(job.k) : "") + out.extension().string();
  const std::vector<Json> results = make_images(model, out.parent_path(), jobs, settings, failures, [](const Json&) {});
  if (!failures.empty()) throw Error(failures[0].reason);
  if (results.back().is_null()) throw Interrupted(out.string() + ": interrupted");
  return 0;
}

// One failure a request, by line.
void tidy(Failures& failures) {
  std::stable_sort(failures.begin(), failures.end(),
                   [](const RowFault& a, const RowFault& b) { return a.line < b.line; });
  const auto same = [](const RowFault& a, const RowFault& b) { return a.line == b.line; };
  failures.erase(std::unique(failures.begin(), failures.end(), same), failures.end());
}

void complain(const Failures& failures, const GenerateOptions& options) {
  constexpr std::size_t shown = 20;
  for (std::size_t i = 0; i < std::min(shown, failures.size()); ++i)
    std::cerr << "cigli: " << options.requests << ":" << failures[i].line << ": " << failures[i].reason << "\n";
  if (failures.size() > shown)
    std::cerr << "cigli: " << failures.size() - shown << " more, see " << options.out << "/failed.jsonl\n";
}

// Adds lines to results.jsonl, so that even a killed run leaves word of the images it made.
class Appender {
 public:
  explicit Appender(const fs::path& folder)
      : file_(folder / "results.jsonl"), stream_(std::make_shared<std::ofstream>(file_, std::ios::app)) {
    if (stream_->tellp() > 0) *stream_ << "\n";  // behind a line that a kill has cut
    check();
  }
  void operator()(const Json& line) const {
    *stream_ << line.dump() << "\n" << std::flush;
    check();
  }

 private:
  void check() const {
    if (!*stream_) throw Error("cannot write " + file_.string() + ": disk full or folder read-only");
  }
  fs::path file_;
  std::shared_ptr<std::ofstream> stream_;
};

int generate_many(const GenerateOptions& options) {
  RequestFilter filter;
  filter.split = options.split;
  if (options.limit > 0) filter.limit = options.limit;
  RequestList list = read_requests(options.requests, filter);
  const ChosenModel chosen = load_chosen(options.model);
  const GenerationSettings settings = settings_of(options, chosen);
  Generator model = chosen.model;
  const auto seed = static_cast<std::uint64_t>(options.seed);
  Failures failures = list.faults;
  swap_inputs(list.rows, options.swap, seed);
  check_texts(*model, list.rows, options.requests, failures);
  const std::vector<ImageJob> jobs = plan_jobs(list.rows, options.n, seed, failures);

  make_folder(options.out);
  std::vector<Json> results = find_finished(options.out, jobs, settings, options.threads);
  std::vector<ImageJob> open;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!results[i].is_null()) continue;
    open.push_back(jobs[i]);
    places.push_back(i);
  }
  std::vector<Json> made = make_images(model, options.out, open, settings, failures, Appender(options.out));
  std::size_t made_count = 0, left = 0;
  tidy(failures);
  std::set<std::string> failed;
  for (const RowFault& failure : failures) failed.insert(failure.id);
  for (std::size_t i = 0; i < made.size(); ++i) {
    made_count += !made[i].is_null();
    left += made[i].is_null() && !failed.count(open[i].request->id);
    results[places[i]] = std::move(made[i]);
  }
  write_reports(options.out, jobs, results, failures, model->options);
  complain(failures, options);
  std::cout << options.out << ": " << made_count << " images made, " << jobs.size() - open.size()
            << " were there already, " << failures.size() << " requests failed\n";
  if (left > 0)
    throw Interrupted(options.out + ": interrupted with " + std::to_string(left) +
                      " images to go; the same command goes on from here");
  return failures.empty() ? 0 : 3;
}

}  // namespace

int run_generate(const Arguments& arguments) {
  const auto options = parse<GenerateOptions>(arguments);
  check_options(options);
  set_threads(options.threads);
  return options.requests.empty() ? generate_one(options) : generate_many(options);
}

}  // namespace cigli
