#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dataset/hygiene.h"
#include "runtime/philox.h"

namespace cigli {

// What a curation comes to, gathered row by row: counts, statistics, and a sample of rows to look at. Memory does not
// grow with the rows, but for their different words and sizes.
class CurationReport {
 public:
  void add(const Row* row, const Judgement& judgement);

  std::int64_t kept() const { return count(Objection::none); }
  std::int64_t rows() const;
  std::int64_t count(Objection objection) const;
  nlohmann::ordered_json json() const;  // rows, kept, dropped: {objection: rows}; they add up

  // One HTML page without scripts or other files: the rows left after each objection, the splits, sentence lengths,
  // words, image sizes, and a sample of kept and dropped rows with their reasons; `section`, HTML, stands behind the
  // first. Reads the sample's images below `folder`.
  std::string page(const std::string& title, const std::filesystem::path& folder,
                   const std::string& section = "") const;

 private:
  struct Example {
    std::string id, text, prompt, target, reason;
    std::int64_t line = 0;
  };
  // A uniform sample of what has come by (Vitter 1985, algorithm R).
  struct Sample {
    std::vector<Example> examples;
    std::int64_t seen = 0;
  };
  std::string funnel() const;
  std::string statistics() const;
  std::string examples(const std::filesystem::path& folder) const;

  std::map<Objection, std::int64_t> counts_;
  std::map<std::string, std::map<bool, std::int64_t>> splits_;  // split -> kept? -> rows
  std::map<std::int64_t, std::int64_t> lengths_;                // words a kept sentence -> rows
  std::map<std::string, std::int64_t> words_;                   // of kept sentences
  std::map<std::string, std::int64_t> sizes_;                   // "prompt 64x64" -> kept rows
  std::map<Objection, Sample> samples_;
  Philox random_{0};
};

}  // namespace cigli
