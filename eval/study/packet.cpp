#include "eval/study/packet.h"

#include <set>

#include "eval/study/page.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/hash.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kPacketFormat = "cigli-study-1";
constexpr const char* kBefore = "window.STUDY = ";
constexpr const char* kBehind = ";\n";

Json json_of(const StudyTrial& trial) {
  Json json{{"sentence", trial.sentence}, {"prompt", trial.prompt}, {"images", trial.images}};
  if (!trial.instruction.empty()) json["instruction"] = trial.instruction;
  return json;
}

void expect_members(const nlohmann::json& object, const std::set<std::string>& known, const std::string& what) {
  for (const auto& [key, value] : object.items())
    if (known.count(key) == 0) throw Error("unknown member '" + key + "' of " + what);
}

StudyTrial trial_of(const nlohmann::json& json) {
  expect_members(json, {"sentence", "prompt", "images", "instruction"}, "a trial");
  return {json.at("sentence"), json.at("prompt"), json.at("images"), json.value("instruction", "")};
}

StudyPacket packet_of(const nlohmann::json& json) {
  expect_members(json,
                 {"format", "packet", "mode", "language", "texts", "questions", "examples", "trials", "lists", "codes"},
                 "the study");
  if (json.at("format") != kPacketFormat)
    throw Error("format '" + json.at("format").get<std::string>() + "', expected '" + kPacketFormat + "'");
  StudyPacket packet;
  packet.hash = json.at("packet");
  packet.mode = study_mode_named(json.at("mode"));
  packet.language = json.at("language");
  packet.texts = json.at("texts").get<std::map<std::string, std::string>>();
  for (const nlohmann::json& question : json.at("questions")) packet.questions.push_back(study_question(question));
  for (const nlohmann::json& trial : json.at("examples")) packet.examples.push_back(trial_of(trial));
  for (const nlohmann::json& trial : json.at("trials")) packet.trials.push_back(trial_of(trial));
  packet.lists = json.at("lists").get<std::vector<std::vector<std::int64_t>>>();
  packet.codes = json.at("codes").get<std::vector<std::string>>();
  const std::size_t shown = packet.mode == StudyMode::pairs ? 2 : 1;
  for (const auto* trials : {&packet.trials, &packet.examples})
    for (const StudyTrial& trial : *trials)
      if (trial.images.size() != shown)
        throw Error("a trial of " + std::to_string(trial.images.size()) + " images, expected " + std::to_string(shown));
  const auto count = static_cast<std::int64_t>(packet.trials.size());
  for (const auto& list : packet.lists)
    for (const std::int64_t trial : list)
      if (trial < 0 || trial >= count) throw Error("a list has trial " + std::to_string(trial) + ", which is none");
  if (packet.codes.size() != packet.lists.size()) throw Error("not as many codes as lists");
  return packet;
}

}  // namespace

Json to_json(const StudyQuestion& question) {
  Json answers = Json::array();
  for (const StudyAnswer& answer : question.answers) answers.push_back({{"key", answer.key}, {"label", answer.label}});
  return {{"key", question.key}, {"wording", question.wording}, {"answers", answers}};
}

StudyQuestion study_question(const nlohmann::json& json) {
  expect_members(json, {"key", "wording", "answers"}, "a question");
  StudyQuestion question{json.at("key"), json.at("wording"), {}};
  for (const nlohmann::json& answer : json.at("answers")) {
    expect_members(answer, {"key", "label"}, "an answer");
    question.answers.push_back({answer.at("key"), answer.at("label")});
  }
  return question;
}

Json to_json(const StudyPacket& packet) {
  Json json{{"format", kPacketFormat},     {"packet", packet.hash},   {"mode", name(packet.mode)},
            {"language", packet.language}, {"texts", packet.texts},   {"questions", Json::array()},
            {"examples", Json::array()},   {"trials", Json::array()}, {"lists", packet.lists},
            {"codes", packet.codes}};
  for (const StudyQuestion& question : packet.questions) json["questions"].push_back(to_json(question));
  for (const StudyTrial& trial : packet.examples) json["examples"].push_back(json_of(trial));
  for (const StudyTrial& trial : packet.trials) json["trials"].push_back(json_of(trial));
  return json;
}

StudyPacket study_packet(const nlohmann::json& object, const std::string& where) {
  try {
    return packet_of(object);
  } catch (const nlohmann::json::exception& error) {
    throw Error(where + ": no study as cigli writes it: " + error.what());
  } catch (const Error& error) {
    throw Error(where + ": " + error.what());
  }
}

std::string hash_of(Json packet, const std::map<std::string, std::string>& images) {
  packet["packet"] = "";
  Sha256 hash;
  const std::string text = packet.dump() + "\n";
  hash.update(text.data(), text.size());
  for (const auto& [image, digest] : images) {
    const std::string line = image + " " + digest + "\n";
    hash.update(line.data(), line.size());
  }
  return hash.hex();
}

StudyPacket read_study_packet(const fs::path& folder) {
  const fs::path file = folder / "data.js";
  const std::string text = read_file(file), before = kBefore, behind = kBehind;
  if (text.rfind(before, 0) != 0 || text.size() < before.size() + behind.size() ||
      text.compare(text.size() - behind.size(), behind.size(), behind) != 0)
    throw Error(file.string() + ": expected \"" + before + "{...};\"");
  const std::size_t length = text.size() - before.size() - behind.size();
  const nlohmann::json object = nlohmann::json::parse(text.substr(before.size(), length), nullptr, false);
  if (object.is_discarded()) throw Error(file.string() + ": no JSON behind \"" + before + "\"");
  return study_packet(object, file.string());
}

void write_study_packet(const fs::path& folder, const StudyPacket& packet) {
  write_file(folder / "data.js", kBefore + to_json(packet).dump() + kBehind);
  write_file(folder / "index.html", study_page());
}

}  // namespace cigli
