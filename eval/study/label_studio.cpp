#include "eval/study/label_studio.h"

#include <algorithm>
#include <map>

#include "runtime/error.h"

namespace cigli {
namespace {

constexpr const char* kNamePrefix = "answer_";

std::string annotator_of(const nlohmann::json& annotation) {
  const nlohmann::json by = annotation.value("completed_by", nlohmann::json());
  const nlohmann::json who = by.is_object() ? by.value("id", by.value("email", nlohmann::json())) : by;
  if (who.is_null()) throw Error("an annotation without an annotator");
  return "label-studio:" + (who.is_string() ? who.get<std::string>() : who.dump());
}

std::string time_of(const nlohmann::json& annotation, const char* member) {
  const nlohmann::json time = annotation.value(member, nlohmann::json());
  return time.is_string() ? time.get<std::string>() : "";
}

// What one annotator answered to one task.
struct Annotated {
  std::string created, updated;
  std::vector<StudyReply> replies;
};

Annotated annotated_task(const nlohmann::json& data, const nlohmann::json& annotation) {
  Annotated made{time_of(annotation, "created_at"), time_of(annotation, "updated_at"), {}};
  for (const nlohmann::json& result : annotation.at("result")) {
    if (result.at("type") != "choices") continue;
    const std::string name = result.at("from_name"), prefix = kNamePrefix;
    const nlohmann::json& choices = result.at("value").at("choices");
    if (!choices.is_array() || choices.size() != 1) throw Error(name + " has not one choice");
    if (!data.at("trial").is_number_integer() || !data.at("position").is_number_integer())
      throw Error("trial or position is no whole number");
    made.replies.push_back({data.at("trial"), data.at("position"),
                            name.rfind(prefix, 0) == 0 ? name.substr(prefix.size()) : name, choices.at(0), -1});
  }
  const nlohmann::json took = annotation.value("lead_time", nlohmann::json());
  if (took.is_number() && took.get<double>() >= 0 && took.get<double>() < 1e7)
    for (StudyReply& reply : made.replies)
      reply.seconds = took.get<double>() / static_cast<double>(made.replies.size());
  return made;
}

}  // namespace

std::string label_studio_name(const std::string& question) { return kNamePrefix + question; }

std::vector<StudyResponse> label_studio_responses(const nlohmann::json& tasks, const std::string& source,
                                                  const StudyKey& key, StudyResponses& found) {
  std::map<std::pair<std::string, std::int64_t>, std::map<std::int64_t, Annotated>> annotated;  // by position
  std::size_t number = 0;
  const std::size_t refused = found.refused.size();
  for (const nlohmann::json& task : tasks) {
    const std::string where = source + ": task " + std::to_string(++number) + ": ";
    try {
      const nlohmann::json& data = task.at("data");
      if (data.at("packet") != key.packet) throw Error("of another packet");
      if (!data.at("list").is_number_integer()) throw Error("list is no whole number");
      if (!task.at("annotations").is_array()) throw Error("its annotations are no array");
      for (const nlohmann::json& annotation : task.at("annotations")) {
        if (annotation.value("was_cancelled", false)) continue;
        const std::string rater = annotator_of(annotation);
        Annotated made = annotated_task(data, annotation);
        auto& places = annotated[{rater, data.at("list")}];
        const auto [before, added] = places.emplace(data.at("position"), made);
        if (added) continue;
        found.duplicates.push_back(where + "annotated more than once by " + rater + "; the last counts");
        if (made.updated >= before->second.updated) before->second = std::move(made);
      }
    } catch (const nlohmann::json::exception&) {
      found.refused.push_back(where + "no task of a study, as Label Studio exports it");
    } catch (const Error& error) {
      found.refused.push_back(where + error.what());
    }
  }
  if (number == 0) found.refused.push_back(source + ": no tasks");
  if (number > 0 && annotated.empty() && found.refused.size() == refused)
    found.refused.push_back(source + ": no annotations");
  std::vector<StudyResponse> responses;
  for (auto& [who, places] : annotated) {
    StudyResponse response;
    response.source = source + " (" + who.first + ")";
    response.rater = who.first;
    response.list = who.second;
    std::string last;
    for (const auto& [position, one] : places) {
      response.replies.insert(response.replies.end(), one.replies.begin(), one.replies.end());
      if (response.started.empty() || one.created < response.started) response.started = one.created;
      last = std::max({last, one.created, one.updated});
    }
    const bool known = response.list >= 0 && response.list < static_cast<std::int64_t>(key.lists.size());
    if (known &&
        response.replies.size() == key.lists[static_cast<std::size_t>(response.list)].size() * key.questions.size())
      response.finished = last.empty() ? "?" : last;
    responses.push_back(std::move(response));
  }
  return responses;
}

}  // namespace cigli
