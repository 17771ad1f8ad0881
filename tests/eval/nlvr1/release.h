#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/temporary_folder.h"

namespace cigli {

// Unpacks one split of the NLVR v1 release where the test data has it; an empty path where it is absent.
inline std::filesystem::path nlvr1_release(const TemporaryFolder& folder, const std::string& split) {
  const auto archive = std::filesystem::path(CIGLI_TEST_DATA) / "data/nlvr1" / (split + ".tar.gz");
  if (!std::filesystem::exists(archive)) return {};
  const std::string command = "tar -xzf '" + archive.string() + "' -C '" + folder.path().string() + "'";
  return std::system(command.c_str()) == 0 ? folder / ("nlvr/" + split) : std::filesystem::path();
}

}  // namespace cigli
