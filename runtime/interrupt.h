#pragma once

#include "runtime/error.h"

namespace cigli {

// From its construction on, SIGINT and SIGTERM set a flag instead of ending the process (a second signal ends it at
// once); the previous handlers come back when it goes.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  static bool requested();
  // The signal that came while the newest guard stood; 0: none.
  static int signal();
};

// A signal has ended the work before its time: `main` prints the message and exits 128 + the signal, as a shell does.
class Interrupted : public Error {
 public:
  using Error::Error;
};

}  // namespace cigli
