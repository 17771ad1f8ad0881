#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
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

// How a process ended: by itself with an exit code, or by a signal (0: none).
struct ProcessEnd {
  int code = 0, signal = 0;
};

// A command run by /bin/sh in a process group of its own and with the environment that this process was started with,
// spoken to line by line through its stdin and stdout. Errors name no command; whoever started it knows its name.
class ChildProcess {
 public:
  explicit ChildProcess(const std::string& command);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  // Closes its stdin, gives it two seconds to end by itself and clean up, then kills its process group.
  ~ChildProcess();

  // Throws Error when it has ended, or doesn't take the line before the deadline.
  void write_line(std::string_view line, double timeout_seconds);
  // The next line of its stdout, without its end. Throws Error when it has ended or is silent for so long, Interrupted
  // when a signal is pending (InterruptGuard).
  std::string read_line(double timeout_seconds);
  // Whether something that it wrote to its stdout waits to be read.
  bool has_spoken() const;
  // Closes its stdin and waits for its end. Throws Error when it goes on, Interrupted when a signal is pending.
  ProcessEnd finish(double timeout_seconds);

  // Stops all processes of its group where they are, until they are let go.
  void hold() const;
  void let_go() const;

  ProcessUsage usage() const;
  std::string last_words() const;  // the last line of its stderr that isn't empty, or ""

 private:
  using Clock = std::chrono::steady_clock;
  void wait_for(int descriptor, short events, Clock::time_point deadline) const;
  [[noreturn]] void report_end();
  bool has_ended();  // also where nobody can say any more how

  pid_t process_ = -1;
  int input_ = -1, output_ = -1, errors_ = -1;  // our ends of its stdin and stdout; the file that holds its stderr
  std::optional<ProcessEnd> end_;               // none: it runs
  std::string buffer_;                          // read, but no whole line yet
};

}  // namespace cigli
