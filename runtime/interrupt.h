#pragma once

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
};

}  // namespace cigli
