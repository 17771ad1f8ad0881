#include "runtime/interrupt.h"

#include <signal.h>

#include <atomic>

namespace cigli {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

struct sigaction previous_interrupt, previous_terminate;

void handle(int number) {
  if (interrupted.exchange(true)) {
    // Delivered with the default action as soon as this handler returns.
    ::signal(number, SIG_DFL);
    ::raise(number);
  }
}

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupted = false;
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

bool InterruptGuard::requested() { return interrupted; }

}  // namespace cigli
