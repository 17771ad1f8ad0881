#include <iostream>
#include <optional>

#include "eval/study/responses.h"
#include "eval/study/scores.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "tools/commands.h"
#include "tools/study_report.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

struct StudyScoreOptions {
  std::vector<std::string> files, responses;
  std::string key, out;
  double win_rate = 0.65;
  bool exclude_failed = false;
  void visit(Fields& f) {
    f("files", files, "more files of answers");
    f("key", key, "the packet's key", Required{});
    f("responses", responses, "files of answers that the page saved, or tables with such in a column study",
      Required{});
    f("out", out, "folder of scores.json, judgements.csv and index.html", Required{});
    f("exclude_failed", exclude_failed, "leave out raters who fail the key's rules");
    f("win_rate", win_rate,
      "win rate worth detecting, as of study plan: \"underpowered\" where it would often not be found",
      Range{0.501, 1});
  }
};

void check_some_are_left(const StudyResponses& responses, const StudyJudgements& all, const StudyJudgements& passing,
                         bool exclude_failed) {
  if (responses.usable.empty())
    throw Error("no response can be used" + (responses.refused.empty() ? "" : "; " + responses.refused.front()));
  if (all.judged.empty())
    throw Error(responses.usable.front().source + ": answers nothing but checks, and no other response answers more");
  if (exclude_failed && passing.judged.empty())
    for (const RaterRecord& rater : all.raters)
      if (!rater.failed.empty())
        throw Error("none of the raters who judged passes the key's rules: \"" + rater.name + "\" has " + rater.failed);
}

}  // namespace

int run_study_score(const Arguments& arguments) {
  const auto options = parse<StudyScoreOptions>(arguments);
  const StudyKey key = read_study_key(options.key);
  std::vector<fs::path> files(options.responses.begin(), options.responses.end());
  files.insert(files.end(), options.files.begin(), options.files.end());
  const StudyResponses responses = read_responses(files, key);
  const StudyJudgements all = join_responses(responses, key), passing = join_responses(responses, key, true);
  check_some_are_left(responses, all, passing, options.exclude_failed);
  const StudyScores scores = score_study(all.judged, key, options.win_rate);
  std::optional<StudyScores> kept;
  if (passing.judged.size() == all.judged.size())
    kept = scores;
  else if (!passing.judged.empty())
    kept = score_study(passing.judged, key, options.win_rate);
  const StudyResults results{key, responses, all.raters, scores, kept, options.exclude_failed};

  const fs::path out = options.out;
  if (fs::exists(out / "data.js") || (fs::exists(out / "index.html") && !fs::exists(out / "scores.json")))
    throw Error(out.string() + ": holds what is no report, expected a new folder or an earlier report's");
  make_folder(out);
  write_file(out / "judgements.csv", judgement_table(responses, key));
  write_study_report(out / "index.html", results);
  const std::string json = study_json(results).dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  write_file(out / "scores.json", json + "\n");

  const auto tell = [](const std::vector<std::string>& lines, const char* what) {
    for (const std::string& line : lines) std::cerr << "cigli: warning: " << line << what << "\n";
  };
  tell(responses.refused, "; refused");
  tell(responses.duplicates, "; counted once");
  tell(responses.unfinished, "; what is answered counts");
  std::cout << study_table(results) << out.string() << ": scores.json, judgements.csv, index.html\n";
  return responses.refused.empty() ? 0 : 3;
}

}  // namespace cigli
