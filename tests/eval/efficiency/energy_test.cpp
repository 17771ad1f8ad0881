#include "eval/efficiency/energy.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/temporary_folder.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

// A folder like Linux's powercap: two packages, a part of one and another way to it, which must not be counted twice.
class Powercap {
 public:
  Powercap() {
    for (const auto& [zone, name] :
         {std::pair{"intel-rapl:0", "package-0"}, std::pair{"intel-rapl:1", "package-1"},
          std::pair{"intel-rapl:0:0", "core"}, std::pair{"intel-rapl-mmio:0", "package-0"}}) {
      fs::create_directories(folder_ / zone);
      std::ofstream(folder_ / zone / "name") << name << "\n";
      std::ofstream(folder_ / zone / "max_energy_range_uj") << 1000000 << "\n";
      set(zone, 0);
    }
  }
  void set(const std::string& zone, long long microjoules) {
    std::ofstream(folder_ / zone / "energy_uj") << microjoules << "\n";
  }
  const fs::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

TEST(EnergyMeter, SumsThePackagesOverStretches) {
  Powercap powercap;
  powercap.set("intel-rapl:0", 100000);
  EnergyMeter meter(50, powercap.path());
  meter.begin();
  powercap.set("intel-rapl:0", 400000);
  powercap.set("intel-rapl:0:0", 400000);
  powercap.set("intel-rapl-mmio:0", 400000);
  powercap.set("intel-rapl:1", 50000);
  meter.end();
  powercap.set("intel-rapl:0", 900000);  // between stretches
  meter.begin();
  powercap.set("intel-rapl:0", 100000);  // wrapped around
  meter.end();
  const Energy energy = meter.total(1000);
  EXPECT_EQ(energy.source, "rapl");
  EXPECT_NEAR(*energy.joules, 0.3 + 0.05 + 0.2, 1e-12);
}

TEST(EnergyMeter, ACounterThatCantBeReadIsNone) {
  Powercap powercap;
  EnergyMeter meter(4, powercap.path());
  meter.begin();
  fs::remove(powercap.path() / "intel-rapl:1" / "energy_uj");
  meter.end();
  const Energy energy = meter.total(10);
  EXPECT_EQ(energy.source, "estimated");
  EXPECT_DOUBLE_EQ(*energy.joules, 40);
}

TEST(EnergyMeter, EstimatesOnlyWhereAPowerIsGiven) {
  TemporaryFolder empty;
  EXPECT_EQ(EnergyMeter(0, empty.path()).total(10).source, "none");
  EXPECT_FALSE(EnergyMeter(0, empty.path()).total(10).joules);
  const Energy estimated = EnergyMeter(4, empty.path() / "absent").total(10);
  EXPECT_EQ(estimated.source, "estimated");
  EXPECT_DOUBLE_EQ(*estimated.joules, 40);
}

}  // namespace
}  // namespace cigli
