#include "eval/study/text.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <set>

#include "eval/study/page.h"
#include "runtime/error.h"
#include "runtime/files.h"

namespace cigli {
namespace {

constexpr std::pair<const char*, StudyMode> kModes[] = {
    {"pairs", StudyMode::pairs}, {"single", StudyMode::single}, {"real", StudyMode::real}};

// A TOML file, and where in it something is wrong.
class StudyTextReader {
 public:
  StudyTextReader(std::string_view toml, std::string where) : where_(std::move(where)) {
    try {
      root_ = toml::parse(toml);
    } catch (const toml::parse_error& error) {
      fail(error.source(), std::string(error.description()));
    }
  }

  StudyText read() {
    expect_keys(root_, {"language", "texts", "pairs", "single", "real"});
    StudyText text;
    text.language = text_of(root_, "language");
    const toml::table* const texts = root_["texts"].as_table();
    if (texts == nullptr) fail(root_.source(), "no table [texts]");
    for (const auto& [key, value] : *texts) text.texts[std::string(key.str())] = text_of(*texts, key.str());
    text.pairs = questions(StudyMode::pairs);
    text.single = questions(StudyMode::single);
    text.real = questions(StudyMode::real);
    return text;
  }

  [[noreturn]] void fail(const toml::source_region& at, const std::string& reason) const {
    throw Error(where_ + (at.begin.line > 0 ? ":" + std::to_string(at.begin.line) : "") + ": " + reason);
  }
  const toml::table& root() const { return root_; }

 private:
  void expect_keys(const toml::table& table, const std::set<std::string_view>& known) const {
    for (const auto& [key, value] : table)
      if (known.count(key.str()) == 0) fail(key.source(), "unknown key '" + std::string(key.str()) + "'");
  }

  std::string text_of(const toml::table& table, std::string_view key) const {
    const toml::node* const node = table.get(key);
    if (node == nullptr) fail(table.source(), "no " + std::string(key));
    const auto value = node->value_exact<std::string>();
    if (!value) fail(node->source(), std::string(key) + " is no text in quotes");
    return *value;
  }

  std::vector<StudyQuestion> questions(StudyMode mode) const {
    std::vector<StudyQuestion> all;
    const toml::node* const node = root_.get(name(mode));
    if (node == nullptr) return all;
    const toml::array* const array = node->as_array();
    if (array == nullptr) fail(node->source(), std::string(name(mode)) + " is no array of questions, [[...]]");
    std::set<std::string> keys;
    for (const toml::node& element : *array) {
      const toml::table* const table = element.as_table();
      if (table == nullptr) fail(element.source(), "no question with key, wording and answers");
      all.push_back(question(*table, mode));
      if (!keys.insert(all.back().key).second) fail(table->source(), "two questions '" + all.back().key + "'");
      if (mode == StudyMode::single && keys_of(all.back()) != keys_of(all.front()))
        fail(table->source(), "question '" + all.back().key + "' has other answers than '" + all.front().key +
                                  "': a check asks for one answer to all questions");
      expect_same_labels(all.front(), all.back(), mode, table->source());
    }
    return all;
  }

  void expect_same_labels(const StudyQuestion& first, const StudyQuestion& asked, StudyMode mode,
                          const toml::source_region& at) const {
    const auto [least, most] = end_answers(first, mode);
    for (const std::string& answer : {least, most})
      if (asked.label(answer) != first.label(answer))
        fail(at, "question '" + asked.key + "' has \"" + asked.label(answer) + "\" for " + answer + " where '" +
                     first.key + "' has \"" + first.label(answer) +
                     "\": an attention check asks for one label in all questions");
  }

  StudyQuestion question(const toml::table& table, StudyMode mode) const {
    expect_keys(table, {"key", "wording", "answers"});
    StudyQuestion asked{text_of(table, "key"), text_of(table, "wording"), {}};
    const toml::array* const answers = table["answers"].as_array();
    if (answers == nullptr) fail(table.source(), "question '" + asked.key + "' has no answers");
    for (const toml::node& element : *answers) {
      const toml::table* const answer = element.as_table();
      if (answer == nullptr) fail(element.source(), "no answer with key and label");
      expect_keys(*answer, {"key", "label"});
      asked.answers.push_back({text_of(*answer, "key"), text_of(*answer, "label")});
    }
    if (const std::string fault = fault_of(asked, mode); !fault.empty())
      fail(table.source(), "question '" + asked.key + "': " + fault);
    return asked;
  }

  static std::vector<std::string> keys_of(const StudyQuestion& asked) {
    std::vector<std::string> keys;
    for (const StudyAnswer& answer : asked.answers) keys.push_back(answer.key);
    return keys;
  }

  // "" where its answers are as the mode needs them.
  static std::string fault_of(const StudyQuestion& asked, StudyMode mode) {
    const std::vector<std::string> keys = keys_of(asked);
    if (std::set<std::string>(keys.begin(), keys.end()).size() < keys.size()) return "an answer's key stands twice";
    std::set<std::string> labels;
    for (const StudyAnswer& answer : asked.answers)
      if (answer.label.empty() || !labels.insert(answer.label).second)
        return "an answer's label is empty or stands twice";
    if (asked.key.empty() || asked.wording.empty()) return "its key or its wording is empty";
    const auto has = [&](const char* key) { return std::count(keys.begin(), keys.end(), key) == 1; };
    if (mode == StudyMode::real)
      return keys.size() == 2 && has("real") && has("generated") ? "" : "expected the answers real and generated";
    if (mode == StudyMode::pairs) {
      const auto optional = static_cast<std::size_t>(has("tie")) + static_cast<std::size_t>(has("both-bad"));
      return has("left") && has("right") && keys.size() == 2 + optional
                 ? ""
                 : "expected the answers left and right, and as you like tie and both-bad";
    }
    std::vector<double> scale;
    for (const std::string& key : keys) {
      char* end = nullptr;
      scale.push_back(std::strtod(key.c_str(), &end));
      if (key.find_first_not_of("0123456789.-") != std::string::npos || *end != '\0' || key.empty())
        return "answer '" + key + "' is no number";
    }
    return scale.size() >= 2 && std::adjacent_find(scale.begin(), scale.end(), std::greater_equal<>()) == scale.end()
               ? ""
               : "expected two answers or more, from the least to the most";
  }

  std::string where_;
  toml::table root_;
};

}  // namespace

StudyMode study_mode_named(const std::string& wanted) {
  for (const auto& [mode_name, mode] : kModes)
    if (wanted == mode_name) return mode;
  throw UsageError("no study mode '" + wanted + "'");
}

const char* name(StudyMode mode) {
  for (const auto& [mode_name, listed] : kModes)
    if (listed == mode) return mode_name;
  return "";
}

std::string StudyQuestion::label(const std::string& answer) const {
  for (const StudyAnswer& known : answers)
    if (known.key == answer) return known.label;
  return answer;
}

std::pair<std::string, std::string> end_answers(const StudyQuestion& question, StudyMode mode) {
  if (mode == StudyMode::pairs) return {"left", "right"};
  if (mode == StudyMode::real) return {"real", "generated"};
  return {question.answers.front().key, question.answers.back().key};
}

std::string attention_instruction(std::string text, const std::string& label) {
  const std::string place = "{answer}";
  const std::size_t at = text.find(place);
  return at == std::string::npos ? text : text.replace(at, place.size(), label);
}

const std::vector<StudyQuestion>& StudyText::questions(StudyMode mode) const {
  return mode == StudyMode::pairs ? pairs : mode == StudyMode::single ? single : real;
}

StudyText parse_study_text(std::string_view toml, const std::string& where) {
  StudyTextReader reader(toml, where);
  StudyText text = reader.read();
  static const StudyText own = StudyTextReader(study_wording(), "the study's own wording").read();
  for (const auto& [key, value] : own.texts)
    if (text.texts.count(key) == 0) reader.fail(reader.root()["texts"].as_table()->source(), "no text '" + key + "'");
  for (const auto& [key, value] : text.texts)
    if (own.texts.count(key) == 0)
      reader.fail(reader.root()["texts"][key].node()->source(), "unknown text '" + key + "'");
  if (text.texts.at("attention").find("{answer}") == std::string::npos)
    reader.fail(reader.root()["texts"]["attention"].node()->source(), "attention has no {answer}");
  return text;
}

StudyText read_study_text(const std::filesystem::path& file) {
  return file.empty() ? parse_study_text(study_wording(), "the study's own wording")
                      : parse_study_text(read_file(file), file.string());
}

}  // namespace cigli
