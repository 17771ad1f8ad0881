#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace cigli {

// SHA-256 (FIPS 180-4) as 64 lower-case hex digits.
std::string sha256(std::string_view bytes);
std::string sha256_file(const std::filesystem::path& file);

// The same over data that comes in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void update(const void* data, std::size_t size);
  std::string hex();  // ends the digest

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// First eight bytes of SHA-256, big endian: a stable 64-bit key for splits, orders and noise.
std::uint64_t stable_hash(std::string_view bytes);

}  // namespace cigli
