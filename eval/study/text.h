#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cigli {

// How a study shows images: two beside each other; one, for a rating; one, to be told from real ones.
enum class StudyMode { pairs, single, real };
StudyMode study_mode_named(const std::string& name);  // "pairs", "single", "real"
const char* name(StudyMode mode);

struct StudyAnswer {
  std::string key, label;
};
struct StudyQuestion {
  std::string key, wording;
  // Keys in pairs: left and right, and as one likes tie and both-bad; of single images numbers from the least to the
  // most; of real ones: real, generated.
  std::vector<StudyAnswer> answers;
  std::string label(const std::string& answer) const;  // of the answer with this key
};

// Keys of the answers that a check may ask for: left and right, the least and the most, real and generated.
std::pair<std::string, std::string> end_answers(const StudyQuestion& question, StudyMode mode);

// What an attention check says: its text, {answer} filled in.
std::string attention_instruction(std::string text, const std::string& label);

// What a study says to raters, in their language.
struct StudyText {
  std::string language;
  std::map<std::string, std::string> texts;  // all that the page shows
  std::vector<StudyQuestion> pairs, single, real;
  const std::vector<StudyQuestion>& questions(StudyMode mode) const;
};

// TOML: `language`, [texts], [[pairs]], [[single]], [[real]] with key, wording and answers of key and label. Throws
// Error naming the file (`where`), the line and what is missing or unknown: it has all the texts of the page and no
// other, and questions of each mode that it has, whose keys and answers are as above, those of single images all alike;
// answers that a check may ask for have one label in all questions of a mode.
StudyText parse_study_text(std::string_view toml, const std::string& where);
// The file, or where it is "" the English one inside the program.
StudyText read_study_text(const std::filesystem::path& file);

}  // namespace cigli
