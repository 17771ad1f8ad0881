#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace cigli {

// What a command and the living processes of its process group occupy now (resident memory, shared pages counted in
// each), what each has occupied at most, summed, and their processor time, that of children they have waited for
// included.
struct ProcessUsage {
  std::uint64_t resident_bytes = 0, peak_bytes = 0;
  double cpu_seconds = 0;
};

// A command run by /bin/sh, spoken to line by line through its stdin and stdout. Errors name no command; whoever
// started it knows its name.
class ChildProcess {
 public:
  explicit ChildProcess(const std::string& command);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();  // kills it and its process group

  // Throws Error when it has ended, or doesn't take the line before the deadline.
  void write_line(std::string_view line, double timeout_seconds);
  // The next line of its stdout, without its end. Throws Error when it has ended or is silent for so long, Interrupted
  // when a signal is pending (InterruptGuard).
  std::string read_line(double timeout_seconds);
  // Whether something that it wrote to its stdout waits to be read.
  bool has_spoken() const;
  // Closes its stdin and waits for its end: the exit code, 128 + the signal that ended it. Throws Error when it goes
  // on.
  int finish(double timeout_seconds);

  ProcessUsage usage() const;
  std::string last_words() const;  // the last line of its stderr that isn't empty, or ""

 private:
  using Clock = std::chrono::steady_clock;
  void wait_for(int descriptor, short events, Clock::time_point deadline) const;
  [[noreturn]] void report_end();

  pid_t process_ = -1;
  int input_ = -1, output_ = -1, errors_ = -1;  // our ends of its stdin and stdout; the file that holds its stderr
  int exit_code_ = -1;                          // -1: runs
  std::string buffer_;                          // read, but no whole line yet
};

}  // namespace cigli
