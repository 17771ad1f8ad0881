// Loaded into the program before main() by its tests (LD_PRELOAD). Most of their commands take less time than LibTorch
// takes to be loaded, so the program is loaded once, and what would have been main() forks for every command it is
// asked for. A request is one message on the socket CIGLI_FORK_SERVER: the files of stdin, stdout and stderr, the
// number of words, the words and the environment, each ended by a zero. Answered by the status that waitpid() gives.

#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using Main = int (*)(int, char**, char**);
Main program_main = nullptr;

[[noreturn]] void answer(int socket, char* program, std::vector<char*>& parts) {
  const bool ready = std::freopen(parts[0], "r", stdin) != nullptr && std::freopen(parts[1], "w", stdout) != nullptr &&
                     std::freopen(parts[2], "w", stderr) != nullptr;
  if (!ready) _exit(127);
  close(socket);
  const auto words = static_cast<std::size_t>(std::atol(parts[3]));
  std::vector<char*> arguments{program};
  arguments.insert(arguments.end(), parts.begin() + 4, parts.begin() + 4 + static_cast<std::ptrdiff_t>(words));
  arguments.push_back(nullptr);
  clearenv();
  for (std::size_t i = 4 + words; i < parts.size(); ++i) putenv(parts[i]);
  std::exit(program_main(static_cast<int>(words) + 1, arguments.data(), environ));
}

int serve(int count, char** arguments, char** environment) {
  const char* const number = std::getenv("CIGLI_FORK_SERVER");
  if (number == nullptr) return program_main(count, arguments, environment);
  const int socket = std::atoi(number);
  std::vector<char> message(1 << 20);
  for (;;) {
    const ssize_t size = recv(socket, message.data(), message.size(), 0);
    if (size <= 0) _exit(0);  // the tests are over
    std::vector<char*> parts;
    for (char* part = message.data(); part < message.data() + size; part += std::string(part).size() + 1)
      parts.push_back(part);
    const pid_t child = fork();
    if (child == 0) answer(socket, arguments[0], parts);
    int status = 0;
    waitpid(child, &status, 0);
    if (send(socket, &status, sizeof status, 0) != sizeof status) _exit(1);
  }
}

}  // namespace

extern "C" int __libc_start_main(Main main, int count, char** arguments, void (*init)(), void (*fini)(),
                                 void (*rtld_fini)(), void* stack_end) {
  using Start = int (*)(Main, int, char**, void (*)(), void (*)(), void (*)(), void*);
  program_main = main;
  const auto start = reinterpret_cast<Start>(dlsym(RTLD_NEXT, "__libc_start_main"));
  return start(serve, count, arguments, init, fini, rtld_fini, stack_end);
}
