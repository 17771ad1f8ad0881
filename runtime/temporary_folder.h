#pragma once

#include <filesystem>
#include <string>

namespace cigli {

// An empty folder that goes away, with all that is in it, when this does.
class TemporaryFolder {
 public:
  TemporaryFolder();  // throws Error where none can be made
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }
  operator const std::filesystem::path&() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace cigli
