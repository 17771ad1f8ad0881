#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "eval/study/key.h"

namespace cigli {

// One answer of a rater, as the page saves it.
struct StudyReply {
  std::int64_t trial = 0, position = 0;  // number of the trial; its place in the list
  std::string question, answer;
  double seconds = 0;       // from shown to answered; -1: not known
  std::int64_t undone = 0;  // how often it was taken back
};

// What one rater answered to one list.
struct StudyResponse {
  std::string source;  // "FILE" or "FILE:ROW"
  std::string rater;
  std::int64_t list = 0;
  std::string started, finished;  // ISO 8601; `finished` "" where not all is answered, "?" where no time is known
  std::vector<StudyReply> replies;
};

struct StudyResponses {
  std::vector<StudyResponse> usable;    // one a rater and list, in the order of files
  std::vector<std::string> refused;     // "SOURCE: reason": of another packet, edited, not of its list, ...
  std::vector<std::string> duplicates;  // "SOURCE: the same as SOURCE", or what was saved before; counted once
  std::vector<std::string> unfinished;  // "SOURCE: 12 of 120 answers"; what is answered counts
};

// The digest that the page puts under a response.
std::string response_digest(const StudyResponse& response, const std::string& packet);

// Files that the page saved (JSON), or CSV with such a file's text in a cell (MTurk's `Answer.study`, or `study`; rows
// whose `AssignmentStatus` is Rejected are refused, empty lines passed over), or Label Studio's export
// (label_studio.h), which has no digest. A response whose digest is not true, of another packet, with an answer that
// its list does not ask for or that stands twice is refused as a whole. Of two of one rater and list that agree the one
// with more answers counts; of two that differ too, and the other is refused. Throws Error naming a file that can't be
// read at all.
StudyResponses read_responses(const std::vector<std::filesystem::path>& files, const StudyKey& key);

}  // namespace cigli
