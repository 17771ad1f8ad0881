#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace cigli {

// Named numbers.
using NamedValues = std::vector<std::pair<std::string, double>>;

// One line of a run's log.jsonl. Loss, norm and `more` are means since the line before.
struct LogRecord {
  std::int64_t step = 0, pairs = 0;  // behind us
  double loss = 0, learning_rate = 0, gradient_norm = 0;
  double images_per_second = 0;
  double elapsed = 0;  // seconds of training, interruptions left out
  NamedValues more;    // what else the objective reports
};

// Appends records to log.jsonl, one JSON object a line.
class RunLog {
 public:
  // Keeps the lines up to `step` of an existing log and drops those behind it, which the run is about to write again.
  // Error names the file when it can't be written.
  RunLog(const std::filesystem::path& file, std::int64_t step);
  void append(const LogRecord& record);

 private:
  std::filesystem::path file_;
  std::ofstream stream_;
};

}  // namespace cigli
