#include "runtime/hash.h"

#include <gtest/gtest.h>

#include "runtime/files.h"
#include "tests/temporary_folder.h"

namespace cigli {
namespace {

// The examples of FIPS 180-4.
const char* const kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const char* const kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const char* const kMillion = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Hash, GivesThePublishedDigests) {
  EXPECT_EQ(sha256(""), kEmpty);
  EXPECT_EQ(sha256("abc"), kAbc);
  EXPECT_EQ(sha256(std::string(1000000, 'a')), kMillion);
}

TEST(Hash, PiecesGiveTheDigestOfTheWhole) {
  Sha256 hash;
  for (int i = 0; i < 1000; ++i) hash.update(std::string(1000, 'a').data(), 1000);
  EXPECT_EQ(hash.hex(), kMillion);
  EXPECT_EQ(Sha256().hex(), kEmpty);
}

TEST(Hash, HashesFiles) {
  const TemporaryFolder folder;
  write_file(folder / "abc", "abc");
  write_file(folder / "empty", "");
  EXPECT_EQ(sha256_file(folder / "abc"), kAbc);
  EXPECT_EQ(sha256_file(folder / "empty"), kEmpty);
}

TEST(Hash, StableHashIsTheDigestsBeginning) { EXPECT_EQ(stable_hash("abc"), 0xBA7816BF8F01CFEAU); }

}  // namespace
}  // namespace cigli
