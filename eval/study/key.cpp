#include "eval/study/key.h"

#include <nlohmann/json.hpp>
#include <set>

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
  json["images"] = trial.images;
  if (!trial.expected.empty()) json["expected"] = trial.expected;
  return json;
}

StudyTrialKey trial_key_of(const nlohmann::json& json) {
  return {json.at("kind"), json.at("item"), json.value("systems", std::vector<std::string>()), json.at("images"),
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
  for (const nlohmann::json& list : json.at("lists"))
    for (const nlohmann::json& trial : list)
      if (!trial.is_number_integer()) throw Error("lists hold what is no number of a trial");
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

// Throws Error where parts of the key do not fit together.
class KeyCheck {
 public:
  explicit KeyCheck(const StudyKey& key) : key_(key) {
    for (const StudyItem& item : key.items)
      if (!items_.insert(item.id).second) throw Error("two items are named " + item.id);
    for (const StudySystem& system : key.systems) systems_.insert(system.name);
    if (key.mode == StudyMode::real) systems_.insert(kRealSystem);
  }

  void run() {
    if (key_.items.empty() || key_.questions.empty() || key_.lists.empty()) throw Error("no items, questions or lists");
    if (key_.repeats.size() != key_.lists.size()) throw Error("not as many repeats as lists");
    check_comparisons();
    for (const auto& [name, image] : key_.images)
      if ((!image.system.empty() && systems_.count(image.system) == 0))
        throw Error("image " + name + ": is of no system of the key");
    for (std::size_t i = 0; i < key_.trials.size(); ++i)
      check_trial(key_.trials[i], "trial " + std::to_string(i) + ": ");
    for (std::size_t i = 0; i < key_.lists.size(); ++i) check_list(i);
    for (const double share : {key_.exclusion.attention, key_.exclusion.catches, key_.exclusion.repeats})
      if (!(share >= 0 && share <= 1)) throw Error("an exclusion that is no share");
    if (!(key_.exclusion.seconds >= 0)) throw Error("an exclusion below 0 seconds");
  }

 private:
  void check_comparisons() {
    std::set<std::set<std::string>> seen;
    for (const std::vector<std::string>& comparison : key_.comparisons) {
      const std::set<std::string> systems(comparison.begin(), comparison.end());
      if (comparison.size() != (key_.mode == StudyMode::pairs ? 2U : 1U) || systems.size() != comparison.size())
        throw Error("a comparison of " + std::to_string(systems.size()) + " systems in the mode " + name(key_.mode));
      for (const std::string& system : systems)
        if (systems_.count(system) == 0) throw Error("a comparison of " + system + ", which is no system of the key");
      if (!seen.insert(systems).second) throw Error("a comparison stands twice");
    }
    compared_ = std::move(seen);
  }

  void check_trial(const StudyTrialKey& trial, const std::string& where) const {
    const bool judged = trial.kind == "judged";
    if (!judged && trial.kind != "attention" && trial.kind != "catch") throw Error(where + "kind " + trial.kind);
    if (items_.count(trial.item) == 0) throw Error(where + "is of no item of the key");
    if (judged != trial.expected.empty()) throw Error(where + (judged ? "expects an answer" : "expects no answer"));
    if (judged && compared_.count({trial.systems.begin(), trial.systems.end()}) == 0)
      throw Error(where + "shows systems that are not compared");
    if (trial.images.size() != (key_.mode == StudyMode::pairs ? 2U : 1U)) throw Error(where + "shows too few images");
    for (std::size_t i = 0; i < trial.images.size(); ++i) {
      const auto found = key_.images.find(trial.images[i]);
      if (found == key_.images.end()) throw Error(where + "shows an image that the key does not list");
      if (judged && (found->second.system != trial.systems[i] || found->second.item != trial.item))
        throw Error(where + "shows an image that is not the item's by that system");
    }
  }

  void check_list(std::size_t list) const {
    const std::string where = "list " + std::to_string(list) + ": ";
    const auto length = static_cast<std::int64_t>(key_.lists[list].size());
    for (const std::int64_t trial : key_.lists[list])
      if (trial < 0 || trial >= static_cast<std::int64_t>(key_.trials.size()))
        throw Error(where + "has trial " + std::to_string(trial) + ", which is none");
    for (const auto& [position, of] : key_.repeats[list])
      if (of < 0 || of >= position || position >= length) throw Error(where + "a repeat that is out of place");
  }

  const StudyKey& key_;
  std::set<std::string> items_, systems_;
  std::set<std::set<std::string>> compared_;
};

}  // namespace

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
    if (!object.is_object()) throw Error("no JSON object");
    StudyKey key = key_of(object);
    KeyCheck(key).run();
    return key;
  } catch (const nlohmann::json::exception& error) {
    const std::string what = error.what();  // "[json.exception.out_of_range.403] key 'mode' not found"
    throw Error(file.string() + ": no key of a study: " + what.substr(what.find("] ") + 2));
  } catch (const Error& error) {
    throw Error(file.string() + ": " + error.what());
  }
}

}  // namespace cigli
