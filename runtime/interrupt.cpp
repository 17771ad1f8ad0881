#include "runtime/interrupt.h"

#include <signal.h>

#include <atomic>

namespace cigli {
namespace {

std::atomic<int> interrupted{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

struct sigaction previous_interrupt, previous_terminate;

void handle(int number) {
  if (interrupted.exchange(number) != 0) {
    // Delivered with the default action as soon as this handler returns.
    ::signal(number, SIG_DFL);
    ::raise(number);
  }
}

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupted = 0;
  struct sigaction action = {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &previous_interrupt);
  ::sigaction(SIGTERM, &action, &previous_terminate);
}

InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &previous_interrupt, nullptr);
  ::sigaction(SIGTERM, &previous_terminate, nullptr);
}

bool InterruptGuard::requested() { return interrupted != 0; }

int InterruptGuard::signal() { return interrupted; }

}  // namespace cigli
