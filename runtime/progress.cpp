#include "runtime/progress.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "runtime/text.h"

namespace cigli {
namespace {

constexpr double kRedrawSeconds = 0.1;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

bool is_terminal() {
  const char* const kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) != 0 && kind != nullptr && std::strcmp(kind, "dumb") != 0;
}

std::string bar(double share) {
  constexpr int kWidth = 24;
  const int filled = static_cast<int>(share * kWidth);
  return "[" + std::string(static_cast<std::size_t>(filled), '#') +
         std::string(static_cast<std::size_t>(kWidth - filled), '.') + "] ";
}

}  // namespace

Progress::Progress(std::string label, std::int64_t total, double seconds)
    : label_(std::move(label)), total_(total), seconds_(seconds), started_(now()), terminal_(is_terminal()) {}

Progress::~Progress() {
  // An exception on the way leaves the cursor behind the bar: the error begins on a line of its own.
  if (!finished_ && terminal_ && drawn_ > 0) std::fputc('\n', stderr);
}

void Progress::update(std::int64_t done, const std::string& note) {
  const double time = now();
  if (first_done_ < 0) {
    first_done_ = done;
    first_time_ = time;
  }
  done_ = done;
  if (time - drawn_ < (terminal_ ? kRedrawSeconds : seconds_)) return;
  drawn_ = time;
  draw(note, false);
}

void Progress::finish(const std::string& note) {
  if (finished_) return;
  finished_ = true;
  if (first_done_ >= 0) draw(note, true);
}

void Progress::draw(const std::string& note, bool last) {
  const double time = now();
  std::string line = label_ + " ";
  if (total_ > 0) {
    const double share = std::clamp(static_cast<double>(done_) / static_cast<double>(total_), 0.0, 1.0);
    if (terminal_) line += bar(share);
    line += std::to_string(static_cast<int>(100 * share)) + "% " + std::to_string(done_) + "/" + std::to_string(total_);
  } else {
    line += std::to_string(done_);
  }
  if (!note.empty()) line += " · " + note;
  if (last) {
    line += " · " + human_seconds(time - started_);
  } else if (done_ > first_done_ && total_ > done_) {
    // The rate counts from the first update: a resumed run doesn't claim the steps of the run before.
    const double rate = static_cast<double>(done_ - first_done_) / std::max(time - first_time_, 1e-9);
    line += " · " + human_seconds(static_cast<double>(total_ - done_) / rate) + " left";
  }
  if (terminal_) line = "\r" + line + "\033[K";
  if (!terminal_ || last) line += "\n";
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace cigli
