#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/study/text.h"

namespace cigli {

// What a rater sees at once. Images are names below the packet, img/NAME.png.
struct StudyTrial {
  std::string sentence, prompt;
  std::vector<std::string> images;  // in pairs left and right, else one
  std::string instruction;          // of an attention check, or what an example shows; "" of all others
};

// A packet as its data.js has it: all that raters see, and nothing of where it comes from.
struct StudyPacket {
  std::string hash;  // names the packet: SHA-256 over the rest of it and its images
  StudyMode mode = StudyMode::pairs;
  std::string language;
  std::map<std::string, std::string> texts;
  std::vector<StudyQuestion> questions;
  std::vector<StudyTrial> examples, trials;
  std::vector<std::vector<std::int64_t>> lists;  // of each the numbers of its trials, in order
  std::vector<std::string> codes;                // that complete each list
};

// A question in data.js and in the key; reading throws as JSON does, and Error for unknown members.
nlohmann::ordered_json to_json(const StudyQuestion& question);
StudyQuestion study_question(const nlohmann::json& object);

// With "packet" the hash; as data.js holds it.
nlohmann::ordered_json to_json(const StudyPacket& packet);
// Throws Error naming `where` and what is not as it should be, unknown members included.
StudyPacket study_packet(const nlohmann::json& object, const std::string& where);

// The packet's hash, from its JSON (whose own "packet" does not count) and the SHA-256 of its images by name.
std::string hash_of(nlohmann::ordered_json packet, const std::map<std::string, std::string>& images);

// data.js of a packet folder, read. Throws Error naming the file.
StudyPacket read_study_packet(const std::filesystem::path& folder);

// Writes index.html and data.js beside the images that are there.
void write_study_packet(const std::filesystem::path& folder, const StudyPacket& packet);

}  // namespace cigli
