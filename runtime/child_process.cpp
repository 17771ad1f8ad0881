#include "runtime/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/interrupt.h"
#include "runtime/text.h"

namespace cigli {
namespace {

constexpr std::size_t kLongestAnswer = std::size_t{64} << 20;

[[noreturn]] void fail_to_start(const char* what) {
  throw Error(std::string("cannot start a process: ") + what + ": " + std::generic_category().message(errno));
}

// A file without a name for the child's stderr: a pipe would have to be emptied, or the child would wait.
int nameless_file() {
  std::string name = (std::filesystem::temp_directory_path() / "cigli-stderr-XXXXXX").string();
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file >= 0) ::unlink(name.c_str());
  return file;
}

// Signals that this process ignores or holds back must reach the child.
void reset_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGCHLD}) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// A write to a child that has ended shall fail, not end this process.
class IgnoredSigpipe {
 public:
  IgnoredSigpipe() : before_(::signal(SIGPIPE, SIG_IGN)) {}
  ~IgnoredSigpipe() { ::signal(SIGPIPE, before_); }

 private:
  void (*before_)(int);
};

ProcessEnd end_of(int status) {
  return WIFEXITED(status) ? ProcessEnd{WEXITSTATUS(status), 0} : ProcessEnd{0, WTERMSIG(status)};
}

// What /proc says of a process: fields 3 to 17 of `stat`, behind the name, which may hold anything.
struct ProcessStat {
  char state = 0;
  long long parent = 0, group = 0, ticks = 0;  // processor time, with that of ended children
};

bool read_stat(const std::string& folder, ProcessStat& stat) {
  std::ifstream file(folder + "/stat");
  std::string text;
  if (!std::getline(file, text)) return false;
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return false;
  std::istringstream fields(text.substr(name_end + 1));
  fields >> stat.state >> stat.parent >> stat.group;
  long long skipped = 0, user = 0, system = 0, children_user = 0, children_system = 0;
  for (int field = 6; field <= 13; ++field) fields >> skipped;
  fields >> user >> system >> children_user >> children_system;
  stat.ticks = user + system + children_user + children_system;
  return static_cast<bool>(fields);
}

void add_memory(const std::string& folder, ProcessUsage& usage) {
  std::ifstream file(folder + "/status");
  for (std::string line; std::getline(file, line);) {
    const auto bytes = [&] { return std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 10) * 1024; };
    if (line.rfind("VmRSS:", 0) == 0) usage.resident_bytes += bytes();
    if (line.rfind("VmHWM:", 0) == 0) usage.peak_bytes += bytes();
  }
}

}  // namespace

ChildProcess::ChildProcess(const std::string& command) {
  int to[2], from[2];
  if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) fail_to_start("pipe");
  errors_ = nameless_file();
  if (errors_ < 0) fail_to_start("temporary file");
  // Made before the fork, after which a process of several threads may do little.
  std::vector<std::string> entries = original_environment();
  std::vector<char*> environment;
  for (std::string& entry : entries) environment.push_back(entry.data());
  environment.push_back(nullptr);
  process_ = ::fork();
  if (process_ < 0) fail_to_start("fork");
  if (process_ == 0) {
    ::setpgid(0, 0);
    ::dup2(to[0], STDIN_FILENO);
    ::dup2(from[1], STDOUT_FILENO);
    ::dup2(errors_, STDERR_FILENO);
    reset_signals();
    ::execle("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr), environment.data());
    ::_exit(127);
  }
  ::setpgid(process_, process_);  // here too: whoever comes first
  ::close(to[0]);
  ::close(from[1]);
  input_ = to[1];
  output_ = from[0];
  ::fcntl(input_, F_SETFL, O_NONBLOCK);
}

ChildProcess::~ChildProcess() {
  constexpr double grace = 2;
  let_go();
  if (input_ >= 0) ::close(std::exchange(input_, -1));
  const Clock::time_point begin = Clock::now();
  while (!has_ended() && std::chrono::duration<double>(Clock::now() - begin).count() < grace)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  ::kill(-process_, SIGKILL);
  if (!end_) ::waitpid(process_, nullptr, 0);
  for (const int descriptor : {input_, output_, errors_})
    if (descriptor >= 0) ::close(descriptor);
}

void ChildProcess::wait_for(int descriptor, short events, Clock::time_point deadline) const {
  while (true) {
    if (InterruptGuard::requested()) throw Interrupted("interrupted");
    const double left = std::chrono::duration<double>(deadline - Clock::now()).count();
    if (left <= 0) throw Error("does not answer in time");
    pollfd polled{descriptor, events, 0};
    // Now and then a look at the signals, which may have come to another thread.
    const int ready = ::poll(&polled, 1, static_cast<int>(std::min(1e3 * left + 1, 100.0)));
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) throw Error("cannot be waited for: " + std::generic_category().message(errno));
  }
}

void ChildProcess::report_end() {
  ProcessEnd end;
  try {
    end = finish(5);
  } catch (const Interrupted&) {
    throw;
  } catch (const Error&) {
    throw Error("has closed its stdout");
  }
  const std::string words = last_words();
  throw Error((end.signal != 0 ? "was ended by signal " + std::to_string(end.signal)
                               : "ended with exit code " + std::to_string(end.code)) +
              (words.empty() ? "" : ": " + clipped(words, 300)));
}

bool ChildProcess::has_ended() {
  if (end_) return true;
  int status = 0;
  const pid_t ended = ::waitpid(process_, &status, WNOHANG);
  if (ended == process_) end_ = end_of(status);
  return ended == process_ || (ended < 0 && errno != EINTR);
}

void ChildProcess::write_line(std::string_view line, double timeout_seconds) {
  const Clock::time_point deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(timeout_seconds));
  const IgnoredSigpipe guard;
  const std::string text = std::string(line) + "\n";
  for (std::size_t sent = 0; sent < text.size();) {
    const ::ssize_t size = ::write(input_, text.data() + sent, text.size() - sent);
    if (size >= 0) {
      sent += static_cast<std::size_t>(size);
    } else if (errno == EAGAIN) {
      wait_for(input_, POLLOUT, deadline);
    } else if (errno != EINTR) {
      report_end();
    }
  }
}

std::string ChildProcess::read_line(double timeout_seconds) {
  const Clock::time_point deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(timeout_seconds));
  for (std::size_t searched = 0;;) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    searched = buffer_.size();
    if (searched > kLongestAnswer) throw Error("writes a line without end");
    wait_for(output_, POLLIN, deadline);
    char block[1 << 16];
    const ::ssize_t size = ::read(output_, block, sizeof block);
    if (size > 0) buffer_.append(block, static_cast<std::size_t>(size));
    if (size == 0) report_end();
  }
}

bool ChildProcess::has_spoken() const {
  pollfd polled{output_, POLLIN, 0};
  return !buffer_.empty() || (::poll(&polled, 1, 0) > 0 && (polled.revents & POLLIN) != 0);
}

ProcessEnd ChildProcess::finish(double timeout_seconds) {
  if (input_ >= 0) ::close(std::exchange(input_, -1));
  const Clock::time_point begin = Clock::now();
  while (!has_ended()) {
    if (InterruptGuard::requested()) throw Interrupted("interrupted");
    if (std::chrono::duration<double>(Clock::now() - begin).count() > timeout_seconds)
      throw Error("goes on after the end of its stdin");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  if (!end_) throw Error("has ended, but how is not known");
  return *end_;
}

void ChildProcess::hold() const { ::kill(-process_, SIGSTOP); }

void ChildProcess::let_go() const { ::kill(-process_, SIGCONT); }

ProcessUsage ChildProcess::usage() const {
  ProcessUsage usage;
  const double ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    ProcessStat stat;
    if (!read_stat(entry.path().string(), stat) || stat.group != process_) continue;
    add_memory(entry.path().string(), usage);
    usage.cpu_seconds += static_cast<double>(stat.ticks) / ticks_per_second;
  }
  return usage;
}

std::string ChildProcess::last_words() const {
  constexpr off_t most = 1 << 16;
  const off_t size = ::lseek(errors_, 0, SEEK_END);
  std::string text(static_cast<std::size_t>(std::clamp<off_t>(size, 0, most)), '\0');
  const ::ssize_t got = ::pread(errors_, text.data(), text.size(), std::max<off_t>(0, size - most));
  text.resize(static_cast<std::size_t>(std::max<::ssize_t>(0, got)));
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string::npos) return "";
  const std::size_t before = text.rfind('\n', end);
  const std::size_t begin = before == std::string::npos ? 0 : before + 1;
  return text.substr(begin, end + 1 - begin);
}

}  // namespace cigli
