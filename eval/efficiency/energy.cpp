#include "eval/efficiency/energy.h"

#include <fstream>

namespace cigli {
namespace {

namespace fs = std::filesystem;

// A file of one number, as those of /sys are; below 0 where it can't be read.
double number_in(const fs::path& file) {
  std::ifstream stream(file);
  double number = -1;
  return stream >> number ? number : -1;
}

// The same package may stand a second time as intel-rapl-mmio:N.
bool is_package(const fs::path& zone) {
  if (zone.filename().string().rfind("intel-rapl:", 0) != 0) return false;
  std::ifstream stream(zone / "name");
  std::string name;
  return std::getline(stream, name) && name.rfind("package", 0) == 0;
}

}  // namespace

EnergyMeter::EnergyMeter(double watts_per_core, const fs::path& powercap) : watts_per_core_(watts_per_core) {
  std::error_code ignored;
  for (const auto& zone : fs::directory_iterator(powercap, ignored)) {
    const fs::path file = zone.path() / "energy_uj";
    if (is_package(zone.path()) && number_in(file) >= 0)
      counters_.push_back({file, number_in(zone.path() / "max_energy_range_uj"), 0});
  }
}

void EnergyMeter::begin() {
  for (Counter& counter : counters_) counter.before = number_in(counter.file);
}

void EnergyMeter::end() {
  for (const Counter& counter : counters_) {
    const double now = number_in(counter.file);
    const bool wrapped = now < counter.before;
    if (now < 0 || counter.before < 0 || (wrapped && counter.wraps_at <= 0)) {
      unreadable_ = true;
      continue;
    }
    joules_ += (now - counter.before + (wrapped ? counter.wraps_at : 0)) * 1e-6;
  }
}

Energy EnergyMeter::total(double cpu_seconds) const {
  if (!counters_.empty() && !unreadable_) return {"rapl", joules_};
  if (watts_per_core_ > 0) return {"estimated", watts_per_core_ * cpu_seconds};
  return {};
}

}  // namespace cigli
