#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "eval/study/text.h"

namespace cigli {

// The name that the dataset's own targets have among systems.
constexpr const char* kRealSystem = "real";

// Whose images a study shows. An ablation is a system whose images were made with another row's input; `real` are the
// dataset's own targets.
struct StudySystem {
  std::string name;
  std::filesystem::path folder;
  std::string of, swapped;  // of an ablation: the system, and "text" or "image"
  bool real = false;
};

// Where an image of the packet comes from.
struct StudyImage {
  std::string system, item;    // of prompts and what checks show no system
  std::filesystem::path file;  // its source
  std::string file_hash;       // SHA-256 of that
  std::string model, seed;     // as the image or results.jsonl tell: SHA-256 of the model file; "" where neither does
};

struct StudyItem {
  std::string id;
  std::int64_t line = 0;         // of metadata.jsonl
  std::string sentence, prompt;  // prompt: its image's name in the packet
};

// What a trial of the packet is.
struct StudyTrialKey {
  std::string kind;                  // "judged", "attention", "catch"
  std::string item;                  // its id
  std::vector<std::string> systems;  // of its images; of checks none
  std::vector<std::string> images;   // names in the packet, left first
  std::string expected;              // of checks: the answer to every question
};

// Raters are left out of the stricter result by these rules, which stand before there is an answer.
struct StudyExclusion {
  double attention = 0.75, catches = 0.75, repeats = 0;  // least share passed, of answers to them
  double seconds = 1;                                    // least median of an answer
};

// Joins answers to systems. Kept apart from the packet.
struct StudyKey {
  std::string packet;  // StudyPacket::hash
  StudyMode mode = StudyMode::pairs;
  std::string data, split;
  std::uint64_t seed = 0;
  std::int64_t raters = 0;  // judgements of a comparison of an item
  std::vector<StudySystem> systems;
  std::vector<std::vector<std::string>> comparisons;  // names of systems: two, or one
  std::vector<StudyItem> items;
  std::map<std::string, StudyImage> images;                   // by name in the packet
  std::vector<StudyQuestion> questions;                       // as they were asked
  std::vector<std::vector<std::int64_t>> lists;               // as the packet's
  std::vector<StudyTrialKey> trials;                          // as the packet's
  std::vector<std::map<std::int64_t, std::int64_t>> repeats;  // of each list: place of a repeat, of what it repeats
  StudyExclusion exclusion;
};

void write_study_key(const std::filesystem::path& file, const StudyKey& key);
// Throws Error naming the file where it is none, or what it says does not fit together: numbers of trials and places
// that there are none of, items, systems and images that it does not list, rules out of their range.
StudyKey read_study_key(const std::filesystem::path& file);

}  // namespace cigli
