#include "tools/study_report.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/hash.h"
#include "runtime/text.h"
#include "tools/interval_axis.h"
#include "tools/report_page.h"
#include "tools/study_words.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kUnitsShown = 24;

std::string cell(const std::string& html) { return "<td>" + html; }
std::string number_cell(const std::string& html) { return "<td class=\"n\">" + html; }

std::string table(const std::string& caption, const std::vector<std::string>& columns, const std::string& lines) {
  if (lines.empty()) return "";
  std::string html = "<div class=\"scroll\" tabindex=\"0\">\n<table class=\"free\">\n<caption>" + escape_html(caption) +
                     "</caption>\n<tr>";
  for (const std::string& column : columns) html += "<th scope=\"col\">" + column;
  return html + "\n" + lines + "</table></div>\n";
}

std::string note(const std::string& text) {
  return text.empty() ? "" : "<small class=\"note\">" + escape_html(text) + "</small>";
}

std::string label_cell(const std::string& label, const std::string& under) {
  return "<tr><th scope=\"row\">" + escape_html(label) + "<small class=\"under\">" + escape_html(under) + "</small>";
}

// A line with the value, its interval drawn from `low` to `high`, and words.
std::string drawn_line(const std::string& label, const std::string& under, double value, const Interval& interval,
                       bool share, double low, double high, double reference, const std::string& verdict) {
  const auto shown = [&](double x) { return share ? percent(x) : decimals(x, 3); };
  const std::string ends = shown(interval.low) + " to " + shown(interval.high);
  const double scale = share ? 100 : 1;
  return label_cell(label, under) + number_cell(shown(value) + "<small>" + ends + "</small>") +
         cell(draw_axis({scale * low,
                         scale * high,
                         scale * value,
                         Interval{scale * interval.low, scale * interval.high},
                         {},
                         scale * reference},
                        label + ": " + shown(value) + ", 95 % interval " + ends)) +
         cell(escape_html(verdict)) + "\n";
}

// A question's lines of the table of results, under a line with its wording.
std::string question_lines(const QuestionScore& score, StudyMode mode) {
  const bool share = mode != StudyMode::single;
  const std::string first_line = score.wording.substr(0, score.wording.find('\n'));
  std::string lines = "<tr class=\"group\"><th colspan=\"4\" scope=\"rowgroup\">" + escape_html(score.question) + ": " +
                      escape_html(first_line);
  for (const std::string& warning : warnings_of(score)) lines += note(warning);
  lines += "\n";
  const auto p_values = [](double p, double adjusted, std::size_t pairs) {
    return "p " + p_text(p) + (pairs > 1 ? ", Holm's " + p_text(adjusted) : "");
  };
  for (const PairScore& pair : score.pairs)
    lines += drawn_line(pair.first + " over " + pair.second,
                        outcomes(pair) + "; " + p_values(pair.rate.p, pair.p_adjusted, score.pairs.size()),
                        pair.rate.value, pair.rate.interval, true, 0, 1, 0.5, pair.verdict);
  for (const SystemScore& system : score.systems)
    lines += drawn_line(system.system + (mode == StudyMode::real ? " called real" : ", mean rating"),
                        answers_text(system.answers), system.rating.value, system.rating.interval, share, score.least,
                        score.most, score.least, "");
  const double width = score.most - score.least;
  for (const SystemDifference& pair : score.differences)
    lines += drawn_line(pair.first + " less " + pair.second,
                        p_values(pair.difference.p, pair.p_adjusted, score.differences.size()), pair.difference.value,
                        pair.difference.interval, share, -width, width, 0, pair.verdict);
  if (score.strengths) {
    double reach = 0.5;
    for (const Strength& strength : score.strengths->strengths)
      reach = std::max({reach, std::abs(strength.interval.low), std::abs(strength.interval.high)});
    reach = std::ceil(reach);
    for (const Strength& strength : score.strengths->strengths)
      lines += drawn_line("log strength of " + strength.system,
                          "Bradley and Terry's, of mean 0; Davidson's ties, nu " + decimals(score.strengths->tie, 3),
                          strength.value, strength.interval, false, -reach, reach, 0, "");
  }
  if (!score.no_strengths.empty())
    lines += "<tr><td colspan=\"4\">" + note("no strengths: " + score.no_strengths) + "\n";
  return lines;
}

std::string result_section(const StudyResults& report) {
  std::string lines;
  for (const QuestionScore& score : report.result().questions) lines += question_lines(score, report.key.mode);
  const char* caption = report.key.mode == StudyMode::pairs    ? "Win rates: a tie, or neither, is half a win"
                        : report.key.mode == StudyMode::single ? "Ratings"
                                                               : "Images called real";
  return "<h2>Results</h2>\n<table class=\"results\">\n<caption>" + std::string(caption) +
         "</caption>\n<tr><th scope=\"col\"><th scope=\"col\" class=\"n\">value<small>95 % interval</small><th "
         "scope=\"col\">drawn<th scope=\"col\">verdict\n" +
         lines + "</table>\n";
}

std::string agreement_section(const StudyScores& scores) {
  std::string lines, sides;
  for (const QuestionScore& score : scores.questions) {
    for (const auto& [label, agreement] : agreements_of(score))
      lines += "<tr><th scope=\"row\">" + escape_html(score.question + (label.empty() ? "" : ": " + label)) +
               number_cell(value_or_none(agreement->nominal) + note(agreement->no_alpha)) +
               number_cell(value_or_none(agreement->ordinal)) +
               number_cell(value_or_none(agreement->kappa) + note(agreement->no_kappa)) +
               number_cell(std::to_string(agreement->units)) + "\n";
    if (score.side)
      sides += "<tr><th scope=\"row\">" + escape_html(score.question) +
               number_cell(range_text(score.side->left, score.side->interval, true)) +
               number_cell(std::to_string(score.side->votes)) + number_cell(p_text(score.side->p)) +
               number_cell(p_text(score.side_p_adjusted)) +
               cell(score.prefers_side() ? note("raters prefer a side") : "none found") + "\n";
  }
  return "<h2>Agreement</h2>\n" +
         table("1: raters agree; 0: as by chance",
               {"question", "Krippendorff&#39;s &alpha;, nominal", "ordinal", "Fleiss&#39; &kappa;",
                "units of two raters or more"},
               lines) +
         table("Sides: how often the left image is chosen",
               {"question", "left, 95 % interval", "votes without ties", "p", "Holm&#39;s p", "side bias"}, sides);
}

// Win rates or means of both results, as far as both are there.
std::string exclusion_section(const StudyResults& report) {
  if (report.failed() == 0) return "";
  std::string html = "<h2>With and without the exclusions</h2>\n<p>" + count_of(report.failed(), "rater") + " of " +
                     std::to_string(report.raters.size()) +
                     " fail the rules that the key had declared before there was an answer. The results above are " +
                     (report.exclude_failed ? "without them.</p>\n" : "with them.</p>\n");
  if (!report.passing) return html + "<p>The rules leave nobody.</p>\n";
  std::string lines;
  const bool share = report.key.mode != StudyMode::single;
  for (std::size_t q = 0; q < report.all.questions.size(); ++q) {
    const QuestionScore& with = report.all.questions[q];
    const auto same = std::find_if(report.passing->questions.begin(), report.passing->questions.end(),
                                   [&](const QuestionScore& other) { return other.question == with.question; });
    if (same == report.passing->questions.end()) continue;
    const auto line = [&](const std::string& label, const std::string& all, const std::string& kept) {
      lines += "<tr><th scope=\"row\">" + escape_html(with.question + ": " + label) + cell(escape_html(all)) +
               cell(escape_html(kept)) + "\n";
    };
    for (const PairScore& pair : with.pairs)
      for (const PairScore& other : same->pairs)
        if (pair.first == other.first && pair.second == other.second)
          line(pair.first + " over " + pair.second,
               range_text(pair.rate.value, pair.rate.interval, true) + " " + pair.verdict,
               range_text(other.rate.value, other.rate.interval, true) + " " + other.verdict);
    for (const SystemScore& system : with.systems)
      for (const SystemScore& other : same->systems)
        if (system.system == other.system)
          line(system.system, range_text(system.rating.value, system.rating.interval, share),
               range_text(other.rating.value, other.rating.interval, share));
    for (const SystemDifference& pair : with.differences)
      for (const SystemDifference& other : same->differences)
        if (pair.first == other.first && pair.second == other.second)
          line(pair.first + " less " + pair.second,
               range_text(pair.difference.value, pair.difference.interval, share) + " " + pair.verdict,
               range_text(other.difference.value, other.difference.interval, share) + " " + other.verdict);
    if (with.strengths && same->strengths)
      for (const Strength& strength : with.strengths->strengths)
        for (const Strength& other : same->strengths->strengths)
          if (strength.system == other.system)
            line("log strength of " + strength.system, range_text(strength.value, strength.interval, false),
                 range_text(other.value, other.interval, false));
    if (with.side && same->side)
      line("left", range_text(with.side->left, with.side->interval, true),
           range_text(same->side->left, same->side->interval, true));
  }
  return html + table("", {"", "all raters", "without those who fail"}, lines);
}

std::string rater_section(const StudyResults& report) {
  std::string lines;
  const auto of = [](std::int64_t passed, std::int64_t all) {
    return number_cell(std::to_string(passed) + " of " + std::to_string(all));
  };
  for (const RaterRecord& rater : report.raters)
    lines += "<tr><th scope=\"row\">" + escape_html(rater.name) + note(rater.failed) +
             number_cell(std::to_string(rater.answers)) + of(rater.attention_passed, rater.attention) +
             of(rater.catches_passed, rater.catches) + of(rater.repeats_passed, rater.repeats) +
             number_cell(rater.median_seconds < 0 ? "-" : decimals(rater.median_seconds, 1)) + "\n";
  return "<h2>Raters</h2>\n" +
         table("", {"rater", "answers", "attention", "obvious", "repeats alike", "median seconds"}, lines);
}

// An image of the packet from the file that it was made of.
std::string source_figure(const StudyKey& key, const std::string& name, const std::string& caption, const char* style) {
  const auto found = key.images.find(name);
  if (found == key.images.end()) return "";
  std::string said = caption;
  try {
    if (sha256_file(found->second.file) != found->second.file_hash) said += " (changed since the export)";
  } catch (const Error&) {
    said += " (no longer there)";
  }
  return report_figure(found->second.file, caption + " of " + found->second.item, said, style);
}

std::string unit_section(const StudyResults& report) {
  const StudyKey& key = report.key;
  std::map<std::pair<std::string, std::string>, std::string> names;  // by system and item
  for (const auto& [name, image] : key.images)
    if (!image.system.empty()) names[{image.system, image.item}] = name;
  const StudyScores& scores = report.result();
  std::string cards;
  std::size_t shown = 0;
  for (const JudgedUnit& unit : scores.units) {
    if (shown == kUnitsShown || unit.disagreement == 0) break;
    ++shown;
    const StudyItem& item = key.items[static_cast<std::size_t>(unit.item)];
    cards += "<div class=\"card\"><div class=\"images\">" + source_figure(key, item.prompt, "prompt", "asked");
    for (const std::string& system : unit.systems) {
      const auto name = names.find({system, item.id});
      if (name != names.end()) cards += source_figure(key, name->second, system, "");
    }
    cards += "</div><p>" + escape_html(item.sentence) + " <small>" + escape_html(item.id) + ", line " +
             std::to_string(item.line) + "</small></p><p class=\"values\"><b>" + percent(unit.disagreement) +
             "</b> of the pairs of answers differ";
    for (const auto& [question, answers] : unit.answers) {
      std::map<std::string, std::int64_t> named;
      for (const auto& [answer, count] : answers)
        named[answer == "first" ? unit.systems[0] : answer == "second" ? unit.systems[1] : answer] = count;
      cards += "<br>" + escape_html(question) + ": " + escape_html(answers_text(named));
    }
    cards += "</p></div>\n";
  }
  if (cards.empty()) return "";
  return "<h2>Where raters disagree most</h2>\n<p>" + std::to_string(shown) + " of " +
         std::to_string(scores.units.size()) +
         " that were judged; all are in scores.json, and each judgement with where its images come from in "
         "judgements.csv.</p>\n<div class=\"cards\">\n" +
         cards + "</div>\n";
}

std::string lines_section(const std::string& heading, const std::vector<std::string>& lines) {
  if (lines.empty()) return "";
  std::string html = "<h3>" + heading + "</h3>\n<ul>\n";
  for (const std::string& line : lines) html += "<li>" + escape_html(line) + "\n";
  return html + "</ul>\n";
}

// What a reader of the study needs to know, after the template of Otani et al. (CVPR 2023, "Toward verifiable and
// reproducible human evaluation for text-to-image generation").
std::vector<std::pair<std::string, std::string>> reporting_sheet(const StudyResults& report) {
  const StudyKey& key = report.key;
  const StudyScores& scores = report.result();
  std::vector<std::pair<std::string, std::string>> sheet;
  const auto add = [&](const std::string& name, const std::string& text) { sheet.emplace_back(name, text); };
  const char* task = key.mode == StudyMode::pairs    ? "two images beside each other, forced to one of the answers"
                     : key.mode == StudyMode::single ? "one image, rated"
                                                     : "one image, real or generated";
  add("Task", task);
  std::vector<std::string> parts;
  for (const StudyQuestion& question : key.questions) {
    std::vector<std::string> answers;
    for (const StudyAnswer& answer : question.answers) answers.push_back(answer.label);
    parts.push_back(question.wording + " [" + joined(answers, " / ") + "]");
  }
  add("Questions", joined(parts, " "));
  parts.clear();
  for (const StudySystem& system : key.systems) {
    const std::vector<std::string> models = models_of(key, system.name);
    parts.push_back(system.name + (models.empty() ? "" : " (model " + joined(models, ", ") + ")") +
                    (system.of.empty() ? "" : ", " + system.of + " given another row's " + system.swapped));
  }
  add("Systems", joined(parts, "; "));
  add("Data", key.data + (key.split.empty() ? "" : ", split " + key.split) + ", drawn at random with seed " +
                  std::to_string(key.seed));
  add("Items", std::to_string(scores.items) + " judged of " + std::to_string(key.items.size()) + " shown");
  add("Judgements planned", std::to_string(key.raters) + " of each comparison of each item, " +
                                count_of(static_cast<std::int64_t>(key.lists.size()), "list"));
  std::vector<std::string> unanswered;
  for (const std::int64_t list : report.unanswered_lists()) unanswered.push_back(std::to_string(list));
  std::int64_t finished = 0;
  for (const StudyResponse& response : report.responses.usable) finished += response.finished.empty() ? 0 : 1;
  add("Judgements given",
      std::to_string(scores.answers) + " answers without checks and repeats; " + std::to_string(finished) +
          " responses finished, " + std::to_string(report.responses.unfinished.size()) + " not" +
          (unanswered.empty() ? "" : "; lists that nobody began: " + joined(unanswered, ", ")) +
          (scores.repeated == 0
               ? ""
               : "; " + std::to_string(scores.repeated) + " by raters who had judged the same in another list"));
  add("Raters", count_of(static_cast<std::int64_t>(report.raters.size()), "rater") + ", of whom " +
                    std::to_string(scores.raters) + " stand in the results");
  const StudyExclusion& rules = key.exclusion;
  add("Rules of exclusion, declared with the packet", "attention checks passed below " + percent(rules.attention) +
                                                          ", obvious answers below " + percent(rules.catches) +
                                                          ", repeats alike below " + percent(rules.repeats) +
                                                          ", median answer under " + decimals(rules.seconds, 1) + " s");
  add("Exclusions", std::to_string(report.failed()) + " fail; " +
                        (report.exclude_failed ? "left out of the results" : "not left out of the results") +
                        "; both are shown");
  std::vector<double> seconds;
  for (const RaterRecord& rater : report.raters)
    if (rater.median_seconds >= 0) seconds.push_back(rater.median_seconds);
  std::sort(seconds.begin(), seconds.end());
  if (!seconds.empty())
    add("Time an answer took", "a rater's median: " + decimals(seconds.front(), 1) + " to " +
                                   decimals(seconds.back(), 1) + " s, in the middle " +
                                   decimals(seconds[seconds.size() / 2], 1) + " s");
  parts.clear();
  for (const QuestionScore& score : scores.questions)
    for (const auto& [label, agreement] : agreements_of(score))
      parts.push_back(score.question + (label.empty() ? "" : ", " + label) + ": " + value_or_none(agreement->nominal) +
                      " nominal, " + value_or_none(agreement->ordinal) + " ordinal");
  add("Agreement (Krippendorff's alpha)", joined(parts, "; "));
  add("Intervals",
      "95 %, of new items and new raters, not corrected for several pairs or questions: variances clustered by items "
      "and "
      "raters at once, Student's t on the logit scale; p-values of several pairs by Holm's method within a question, "
      "those of side bias by the same over the questions");
  add("Interface", "cigli's packet " + key.packet + ": blinded, sides and order balanced by lists");
  add("Recruitment, pay, consent and ethics review", "to be filled in by those who ran the study");
  return sheet;
}

std::string sheet_section(const StudyResults& report) {
  std::string html = "<h2>Reporting sheet</h2>\n<dl>\n";
  for (const auto& [name, text] : reporting_sheet(report))
    html += "<dt>" + escape_html(name) + "<dd>" + escape_html(text) + "\n";
  return html + "</dl>\n";
}

std::string overview(const StudyResults& report) {
  const StudyScores& scores = report.result();
  return "<p>" + count_of(scores.answers, "answer") + " on " + count_of(scores.items, "item") + " by " +
         count_of(scores.raters, "rater") +
         (report.exclude_failed ? ", those who fail the declared rules left out" : "") +
         ". The dot is the value, the bar its 95 % interval.</p>\n";
}

}  // namespace

void write_study_report(const fs::path& file, const StudyResults& report) {
  std::vector<std::string> names;
  for (const StudySystem& system : report.key.systems) names.push_back(system.name);
  std::string body = overview(report) + result_section(report);
  body += agreement_section(report.result()) + exclusion_section(report) + rater_section(report) + unit_section(report);
  const StudyResponses& responses = report.responses;
  if (!responses.refused.empty() || !responses.duplicates.empty() || !responses.unfinished.empty())
    body += "<h2>Responses</h2>\n" + lines_section("Refused", responses.refused) +
            lines_section("Counted once", responses.duplicates) +
            lines_section("Not finished; what is answered counts", responses.unfinished);
  write_file(file, report_page("Study of " + joined(names, ", "), body + sheet_section(report)));
}

}  // namespace cigli
