#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cigli {

// Energy that some work took, and where the figure comes from: "rapl", the processor packages' own counters, which
// count whatever else they do meanwhile, too; "estimated", processor time by an assumed power; or "none".
struct Energy {
  std::string source = "none";
  std::optional<double> joules;
};

// Sums the counters of Linux's powercap over stretches of work. A counter that wraps around within a stretch is
// understood, as long as it does so once. What could not be read once counts as absent.
class EnergyMeter {
 public:
  // `watts_per_core` of at least 0 stands in where there are no counters to read: 0: nothing does.
  explicit EnergyMeter(double watts_per_core = 0, const std::filesystem::path& powercap = "/sys/class/powercap");
  void begin();  // a stretch of work
  void end();
  // Of all stretches, which took so much processor time.
  Energy total(double cpu_seconds) const;

 private:
  struct Counter {
    std::filesystem::path file;
    double wraps_at = 0, before = 0;  // microjoules
  };
  double watts_per_core_, joules_ = 0;
  bool unreadable_ = false;
  std::vector<Counter> counters_;  // a package each
};

}  // namespace cigli
