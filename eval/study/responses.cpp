#include "eval/study/responses.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "dataset/csv.h"
#include "eval/study/label_studio.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/hash.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kResponseFormat = "cigli-study-answers-1";

std::string short_name(const std::string& packet) { return packet.substr(0, 12); }

// "" where the reply is one that the list asks for.
std::string fault_of(const StudyReply& reply, const std::vector<std::int64_t>& list, const StudyKey& key) {
  if (reply.position < 0 || reply.position >= static_cast<std::int64_t>(list.size()) ||
      list[static_cast<std::size_t>(reply.position)] != reply.trial)
    return "answers trial " + std::to_string(reply.trial) + " at place " + std::to_string(reply.position) +
           ", which its list does not show there";
  for (const StudyQuestion& question : key.questions) {
    if (question.key != reply.question) continue;
    for (const StudyAnswer& answer : question.answers)
      if (answer.key == reply.answer) return "";
    return "answers \"" + reply.answer + "\" to the question \"" + reply.question + "\", which has no such answer";
  }
  return "answers the question \"" + reply.question + "\", which was not asked";
}

void check_rater(const std::string& rater) {
  constexpr std::size_t longest = 400;  // bytes; the page takes 100 characters
  const bool control = std::any_of(rater.begin(), rater.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (control || rater.size() > longest || rater.find_first_not_of(' ') == std::string::npos)
    throw Error(rater.size() > longest ? "a rater's name of " + std::to_string(rater.size()) + " bytes"
                : control              ? "a rater's name with control characters"
                                       : "no name of a rater");
}

// Throws where a response is not one to its list.
void check_response(const StudyResponse& response, const StudyKey& key) {
  check_rater(response.rater);
  if (response.list < 0 || response.list >= static_cast<std::int64_t>(key.lists.size()))
    throw Error("of list " + std::to_string(response.list) + ", the study has " + std::to_string(key.lists.size()));
  const std::vector<std::int64_t>& list = key.lists[static_cast<std::size_t>(response.list)];
  std::set<std::pair<std::int64_t, std::string>> given;
  for (const StudyReply& reply : response.replies) {
    if (const std::string fault = fault_of(reply, list, key); !fault.empty()) throw Error(fault);
    if (!(reply.seconds == -1 || (reply.seconds >= 0 && reply.seconds < 1e7)))
      throw Error("an answer that took " + std::to_string(reply.seconds) + " seconds");
    if (!given.insert({reply.position, reply.question}).second)
      throw Error("answers the question \"" + reply.question + "\" at place " + std::to_string(reply.position) +
                  " twice");
  }
  if (!response.finished.empty() && given.size() < list.size() * key.questions.size())
    throw Error("says that it is finished, with " + std::to_string(given.size()) + " of " +
                std::to_string(list.size() * key.questions.size()) + " answers");
}

std::int64_t integer(const nlohmann::json& object, const char* member) {
  const nlohmann::json& value = object.at(member);
  if (!value.is_number_integer()) throw Error(std::string(member) + " is no whole number");
  return value;
}

// What the page saved.
StudyResponse response_of(const nlohmann::json& json, const StudyKey& key) {
  if (json.at("format") != kResponseFormat)
    throw Error("format '" + json.at("format").get<std::string>() + "', expected '" + kResponseFormat + "'");
  if (json.at("packet") != key.packet)
    throw Error("of packet " + short_name(json.at("packet")) + ", the key is of " + short_name(key.packet));
  StudyResponse response;
  response.rater = json.at("rater");
  response.list = integer(json, "list");
  response.started = json.at("started");
  response.finished = json.at("finished").is_null() ? "" : json.at("finished").get<std::string>();
  if (!json.at("answers").is_array()) throw Error("its answers are no array");
  for (const nlohmann::json& answer : json.at("answers")) {
    const double seconds = answer.at("seconds");
    if (!(seconds >= 0)) throw Error("an answer that took " + std::to_string(seconds) + " seconds");
    response.replies.push_back({integer(answer, "trial"), integer(answer, "position"), answer.at("question"),
                                answer.at("answer"), seconds, answer.value("undone", std::int64_t{0})});
  }
  check_response(response, key);
  if (json.at("digest") != response_digest(response, key.packet))
    throw Error("its digest is not that of its answers: edited or damaged");
  return response;
}

class ResponseReader {
 public:
  explicit ResponseReader(const StudyKey& key) : key_(key) {}

  void read(const fs::path& file) {
    const std::string text = read_file(file);
    std::string ending = file.extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
    if (ending == ".csv")
      read_table(text, file.string());
    else
      add(text, file.string());
  }

  StudyResponses result() && {
    for (const StudyResponse& response : found_.usable)
      if (response.finished.empty())
        found_.unfinished.push_back(
            response.source + ": " + std::to_string(response.replies.size()) + " of " +
            std::to_string(key_.lists[static_cast<std::size_t>(response.list)].size() * key_.questions.size()) +
            " answers");
    return std::move(found_);
  }

 private:
  void read_table(const std::string& text, const std::string& name) {
    CsvReader csv(text);
    const std::vector<std::string> header = csv.next().cells;
    const auto place = [&](const std::set<std::string>& names) {
      return static_cast<std::size_t>(
          std::find_if(header.begin(), header.end(), [&](const std::string& cell) { return names.count(cell) > 0; }) -
          header.begin());
    };
    const std::size_t study = place({"study", "Answer.study"}), status = place({"AssignmentStatus"});
    if (study == header.size()) throw Error(name + ":1: no column study or Answer.study, between commas");
    std::int64_t rows = 0;
    while (!csv.at_end()) {
      const CsvRecord record = csv.next();
      const std::string source = name + ":" + std::to_string(record.line);
      if (record.cells.size() == 1 && record.cells[0].empty()) continue;
      ++rows;
      if (!record.closed)
        found_.refused.push_back(source + ": a quoted cell has no end");
      else if (record.cells.size() <= study)
        found_.refused.push_back(source + ": " + std::to_string(record.cells.size()) + " cells, expected " +
                                 std::to_string(header.size()));
      else if (status < record.cells.size() && record.cells[status] == "Rejected")
        found_.refused.push_back(source + ": its assignment was rejected");
      else
        add(record.cells[study], source);
    }
    if (rows == 0) found_.refused.push_back(name + ": no rows");
  }

  void add(const std::string& text, const std::string& source) {
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    if (json.is_array()) return add_exported(json, source);
    try {
      if (json.is_discarded()) throw Error(text.empty() ? "empty" : "no JSON");
      StudyResponse response = response_of(json, key_);
      response.source = source;
      keep(std::move(response));
    } catch (const nlohmann::json::exception&) {
      found_.refused.push_back(source + ": not what the study's page saves");
    } catch (const Error& error) {
      found_.refused.push_back(source + ": " + error.what());
    }
  }

  void add_exported(const nlohmann::json& tasks, const std::string& source) {
    for (StudyResponse& response : label_studio_responses(tasks, source, key_, found_)) {
      try {
        check_response(response, key_);
        keep(std::move(response));
      } catch (const Error& error) {
        found_.refused.push_back(response.source + ": " + error.what());
      }
    }
  }

  // Whether all that `some` answers `all` answers the same.
  static bool within(const StudyResponse& some, const StudyResponse& all) {
    std::map<std::pair<std::int64_t, std::string>, std::string> given;
    for (const StudyReply& reply : all.replies) given[{reply.position, reply.question}] = reply.answer;
    return std::all_of(some.replies.begin(), some.replies.end(), [&](const StudyReply& reply) {
      const auto found = given.find({reply.position, reply.question});
      return found != given.end() && found->second == reply.answer;
    });
  }

  // Of two of one rater and list the one with more answers is usable.
  void keep(StudyResponse response) {
    const auto before = std::find_if(found_.usable.begin(), found_.usable.end(), [&](const StudyResponse& other) {
      return other.rater == response.rater && other.list == response.list;
    });
    if (before == found_.usable.end()) {
      found_.usable.push_back(std::move(response));
      return;
    }
    if (response.replies.size() > before->replies.size()) std::swap(*before, response);
    if (!within(response, *before))
      found_.refused.push_back(response.source + ": answers list " + std::to_string(response.list) + " as \"" +
                               response.rater + "\" does in " + before->source + ", but differently");
    else
      found_.duplicates.push_back(
          response.source + (response.replies.size() == before->replies.size() ? ": the same as " : ": saved before ") +
          before->source);
  }

  const StudyKey& key_;
  StudyResponses found_;
};

}  // namespace

std::string response_digest(const StudyResponse& response, const std::string& packet) {
  std::string text = packet + "\n" + std::to_string(response.list) + "\n" + response.rater + "\n" + response.started +
                     "\n" + response.finished + "\n";
  for (const StudyReply& reply : response.replies) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.1f", reply.seconds);
    text += std::to_string(reply.trial) + "," + std::to_string(reply.position) + "," + reply.question + "," +
            reply.answer + "," + seconds + "\n";
  }
  return sha256(text);
}

StudyResponses read_responses(const std::vector<fs::path>& files, const StudyKey& key) {
  ResponseReader reader(key);
  for (const fs::path& file : files) reader.read(file);
  return std::move(reader).result();
}

}  // namespace cigli
