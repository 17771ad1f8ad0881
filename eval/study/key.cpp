#include "eval/study/key.h"

#include <nlohmann/json.hpp>

#include "eval/study/packet.h"
#include "runtime/error.h"
#include "runtime/files.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kKeyFormat = "cigli-study-key-1";

Json json_of(const StudySystem& system) {
  Json json{{"name", system.name}, {"folder", system.folder.string()}};
  if (!system.of.empty()) json.update({{"of", system.of}, {"swapped", system.swapped}});
  if (system.real) json["real"] = true;
  return json;
}

StudySystem system_of(const nlohmann::json& json) {
  return {json.at("name"), json.at("folder").get<std::string>(), json.value("of", ""), json.value("swapped", ""),
          json.value("real", false)};
}

Json json_of(const StudyImage& image) {
  Json json;
  if (!image.system.empty()) json["system"] = image.system;
  json.update({{"item", image.item}, {"file", image.file.string()}, {"sha256", image.file_hash}});
  if (!image.model.empty()) json["model"] = image.model;
  if (!image.seed.empty()) json["seed"] = image.seed;
  return json;
}

StudyImage image_of(const nlohmann::json& json) {
  return {json.value("system", ""), json.at("item"),         json.at("file").get<std::string>(),
          json.at("sha256"),        json.value("model", ""), json.value("seed", "")};
}

Json json_of(const StudyTrialKey& trial) {
  Json json{{"kind", trial.kind}, {"item", trial.item}};
  if (!trial.systems.empty()) json["systems"] = trial.systems;
  if (!trial.expected.empty()) json["expected"] = trial.expected;
  return json;
}

StudyTrialKey trial_key_of(const nlohmann::json& json) {
  return {json.at("kind"), json.at("item"), json.value("systems", std::vector<std::string>()),
          json.value("expected", "")};
}

StudyKey key_of(const nlohmann::json& json) {
  if (json.at("format") != kKeyFormat)
    throw Error("format '" + json.at("format").get<std::string>() + "', expected '" + kKeyFormat + "'");
  StudyKey key;
  key.packet = json.at("packet");
  key.mode = study_mode_named(json.at("mode"));
  key.data = json.at("data");
  key.split = json.at("split");
  key.seed = json.at("seed");
  key.raters = json.at("raters");
  for (const nlohmann::json& system : json.at("systems")) key.systems.push_back(system_of(system));
  key.comparisons = json.at("comparisons").get<std::vector<std::vector<std::string>>>();
  for (const nlohmann::json& item : json.at("items"))
    key.items.push_back({item.at("id"), item.at("line"), item.at("sentence"), item.at("prompt")});
  for (const auto& [name, image] : json.at("images").items()) key.images[name] = image_of(image);
  for (const nlohmann::json& question : json.at("questions")) key.questions.push_back(study_question(question));
  key.lists = json.at("lists").get<std::vector<std::vector<std::int64_t>>>();
  for (const nlohmann::json& trial : json.at("trials")) key.trials.push_back(trial_key_of(trial));
  for (const nlohmann::json& list : json.at("repeats")) {
    auto& repeats = key.repeats.emplace_back();
    for (const nlohmann::json& repeat : list) repeats[repeat.at("position")] = repeat.at("of");
  }
  const nlohmann::json& exclusion = json.at("exclusion");
  key.exclusion = {exclusion.at("attention"), exclusion.at("catches"), exclusion.at("repeats"),
                   exclusion.at("seconds")};
  return key;
}

}  // namespace

std::map<std::pair<std::string, std::string>, std::string> shown_images(const StudyKey& key) {
  std::map<std::pair<std::string, std::string>, std::string> names;
  for (const auto& [name, image] : key.images)
    if (!image.system.empty()) names[{image.system, image.item}] = name;
  return names;
}

void write_study_key(const fs::path& file, const StudyKey& key) {
  Json json{{"format", kKeyFormat}, {"packet", key.packet}, {"mode", name(key.mode)}, {"data", key.data},
            {"split", key.split},   {"seed", key.seed},     {"raters", key.raters}};
  for (const char* list : {"systems", "comparisons", "items", "images", "questions", "lists", "trials", "repeats"})
    json[list] = std::string(list) == "images" ? Json::object() : Json::array();
  for (const StudySystem& system : key.systems) json["systems"].push_back(json_of(system));
  for (const auto& comparison : key.comparisons) json["comparisons"].push_back(comparison);
  for (const StudyItem& item : key.items)
    json["items"].push_back(
        {{"id", item.id}, {"line", item.line}, {"sentence", item.sentence}, {"prompt", item.prompt}});
  for (const auto& [name, image] : key.images) json["images"][name] = json_of(image);
  for (const StudyQuestion& question : key.questions) json["questions"].push_back(to_json(question));
  for (const auto& list : key.lists) json["lists"].push_back(list);
  for (const StudyTrialKey& trial : key.trials) json["trials"].push_back(json_of(trial));
  for (const auto& repeats : key.repeats) {
    Json list = Json::array();
    for (const auto& [position, of] : repeats) list.push_back({{"position", position}, {"of", of}});
    json["repeats"].push_back(list);
  }
  json["exclusion"] = {{"attention", key.exclusion.attention},
                       {"catches", key.exclusion.catches},
                       {"repeats", key.exclusion.repeats},
                       {"seconds", key.exclusion.seconds}};
  write_file(file, json.dump(1) + "\n");
}

StudyKey read_study_key(const fs::path& file) {
  const nlohmann::json object = nlohmann::json::parse(read_file(file), nullptr, false);
  try {
    return key_of(object);
  } catch (const nlohmann::json::exception&) {
    throw Error(file.string() + ": no key of a study");
  } catch (const Error& error) {
    throw Error(file.string() + ": " + error.what());
  }
}

}  // namespace cigli
