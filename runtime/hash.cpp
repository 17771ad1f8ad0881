#include "runtime/hash.h"

#include <openssl/evp.h>

#include <array>

#include "runtime/error.h"
#include "runtime/files.h"

namespace cigli {
namespace {

using Digest = std::array<std::uint8_t, 32>;

void require(int ok) {
  if (ok != 1) throw Error("SHA-256 is not available in this OpenSSL");
}

Digest digest_of(std::string_view bytes) {
  Digest digest;
  require(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr));
  return digest;
}

std::string hex_of(const Digest& digest) {
  const char* const digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const std::uint8_t byte : digest) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  require(state_->context != nullptr && EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr));
}

Sha256::~Sha256() = default;

void Sha256::update(const void* data, std::size_t size) { require(EVP_DigestUpdate(state_->context, data, size)); }

std::string Sha256::hex() {
  Digest digest;
  require(EVP_DigestFinal_ex(state_->context, digest.data(), nullptr));
  return hex_of(digest);
}

std::string sha256(std::string_view bytes) { return hex_of(digest_of(bytes)); }

std::string sha256_file(const std::filesystem::path& file) { return sha256(MappedFile(file).bytes()); }

std::uint64_t stable_hash(std::string_view bytes) {
  const Digest digest = digest_of(bytes);
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | digest[static_cast<std::size_t>(i)];
  return value;
}

}  // namespace cigli
