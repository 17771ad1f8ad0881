#pragma once

#include <cstdint>
#include <string>

namespace cigli {

// Progress on stderr: one line that is redrawn on a terminal; elsewhere a plain line now and then (at most one every
// `seconds` and one at the end). Without any update nothing is shown.
class Progress {
 public:
  Progress(std::string label, std::int64_t total, double seconds = 10);
  ~Progress();
  // `done` of total, with a short note behind the bar ("loss 0.123 · 98 images/s").
  void update(std::int64_t done, const std::string& note = "");
  void finish(const std::string& note = "");

 private:
  void draw(const std::string& note, bool last);
  std::string label_;
  std::int64_t total_, done_ = 0, first_done_ = -1;
  double seconds_, started_, first_time_ = 0, drawn_ = -1e9;
  bool terminal_, finished_ = false;
};

}  // namespace cigli
