#include "tests/tools/simulated_raters.h"

#include <map>
#include <nlohmann/json.hpp>

#include "eval/study/responses.h"

namespace cigli {

std::string simulated_response(const StudyKey& key, std::int64_t list, const std::string& rater,
                               const SimulatedAnswer& answer, bool careless, std::int64_t answers, double seconds) {
  StudyResponse response;
  response.rater = rater;
  response.list = list;
  response.started = "2026-01-01T10:00:00.000Z";
  const auto& trials = key.lists[static_cast<std::size_t>(list)];
  const auto& repeats = key.repeats[static_cast<std::size_t>(list)];
  const auto mirrored = [](const std::string& given) {
    return given == "left" ? "right" : given == "right" ? "left" : given;
  };
  std::map<std::pair<std::int64_t, std::string>, std::string> given;
  for (std::size_t place = 0; place < trials.size(); ++place)
    for (const StudyQuestion& question : key.questions) {
      if (answers >= 0 && static_cast<std::int64_t>(response.replies.size()) == answers) continue;
      const auto position = static_cast<std::int64_t>(place);
      const StudyTrialKey& trial = key.trials[static_cast<std::size_t>(trials[place])];
      std::string reply;
      const auto repeat = repeats.find(position);
      if (!careless && !trial.expected.empty())
        reply = trial.expected;
      else if (!careless && repeat != repeats.end())
        reply = trial.systems.size() == 2 ? std::string(mirrored(given.at({repeat->second, question.key})))
                                          : given.at({repeat->second, question.key});
      else
        reply = answer(trial, question);
      given[{position, question.key}] = reply;
      response.replies.push_back({trials[place], position, question.key, reply, seconds});
    }
  const bool whole = response.replies.size() == trials.size() * key.questions.size();
  if (whole) response.finished = "2026-01-01T10:20:00.000Z";
  nlohmann::ordered_json replies = nlohmann::ordered_json::array();
  for (const StudyReply& reply : response.replies)
    replies.push_back({{"trial", reply.trial},
                       {"position", reply.position},
                       {"question", reply.question},
                       {"answer", reply.answer},
                       {"seconds", reply.seconds},
                       {"undone", 0}});
  const nlohmann::ordered_json saved{{"format", "cigli-study-answers-1"},
                                     {"packet", key.packet},
                                     {"list", list},
                                     {"rater", rater},
                                     {"started", response.started},
                                     {"finished", whole ? nlohmann::ordered_json(response.finished) : nullptr},
                                     {"code", ""},
                                     {"answers", replies},
                                     {"digest", response_digest(response, key.packet)}};
  return saved.dump(1);
}

SimulatedAnswer prefers(const std::string& better, double probability, double ties, Philox& random) {
  return [=, &random](const StudyTrialKey& trial, const StudyQuestion&) -> std::string {
    if (random.uniform() < ties) return random.uniform() < 0.5 ? "tie" : "both-bad";
    const bool won = random.uniform() < probability;
    const bool left = !trial.systems.empty() && trial.systems[0] == better;
    return won == left ? "left" : "right";
  };
}

}  // namespace cigli
