#include "eval/study/label_studio.h"

#include <algorithm>
#include <map>

#include "runtime/error.h"

namespace cigli {
namespace {

std::string annotator_of(const nlohmann::json& annotation) {
  const nlohmann::json& by = annotation.at("completed_by");
  const nlohmann::json& who = by.is_object() ? (by.contains("email") ? by.at("email") : by.at("id")) : by;
  return "label-studio:" + (who.is_string() ? who.get<std::string>() : who.dump());
}

void add_replies(StudyResponse& response, const nlohmann::json& data, const nlohmann::json& annotation) {
  std::vector<StudyReply> replies;
  for (const nlohmann::json& result : annotation.at("result"))
    if (result.at("type") == "choices")
      replies.push_back(
          {data.at("trial"), data.at("position"), result.at("from_name"), result.at("value").at("choices").at(0), 0});
  const nlohmann::json took = annotation.value("lead_time", nlohmann::json());
  for (StudyReply& reply : replies) {
    reply.seconds = took.is_number() ? took.get<double>() / static_cast<double>(replies.size()) : 0;
    response.replies.push_back(reply);
  }
  const std::string begun = annotation.value("created_at", ""), ended = annotation.value("updated_at", begun);
  if (response.started.empty() || begun < response.started) response.started = begun;
  response.finished = std::max(response.finished, ended);
}

}  // namespace

std::vector<StudyResponse> label_studio_responses(const nlohmann::json& tasks, const std::string& source,
                                                  const StudyKey& key, std::vector<std::string>& refused) {
  std::map<std::pair<std::string, std::int64_t>, StudyResponse> found;
  std::size_t number = 0;
  for (const nlohmann::json& task : tasks) {
    const std::string where = source + ": task " + std::to_string(++number);
    try {
      const nlohmann::json& data = task.at("data");
      if (data.at("packet") != key.packet) throw Error("of another packet");
      for (const nlohmann::json& annotation : task.at("annotations")) {
        if (annotation.value("was_cancelled", false)) continue;
        const std::string rater = annotator_of(annotation);
        StudyResponse& response = found[{rater, data.at("list")}];
        response.source = source + " (" + rater + ")";
        response.rater = rater;
        response.list = data.at("list");
        add_replies(response, data, annotation);
      }
    } catch (const nlohmann::json::exception&) {
      refused.push_back(where + ": no task of a study, as Label Studio exports it");
    } catch (const Error& error) {
      refused.push_back(where + ": " + error.what());
    }
  }
  std::vector<StudyResponse> responses;
  for (auto& entry : found) {
    StudyResponse& response = entry.second;
    std::stable_sort(response.replies.begin(), response.replies.end(),
                     [](const StudyReply& a, const StudyReply& b) { return a.position < b.position; });
    const bool known = response.list >= 0 && response.list < static_cast<std::int64_t>(key.lists.size());
    if (!known ||
        response.replies.size() < key.lists[static_cast<std::size_t>(response.list)].size() * key.questions.size())
      response.finished.clear();
    responses.push_back(std::move(response));
  }
  return responses;
}

}  // namespace cigli
