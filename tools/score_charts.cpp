#include "tools/score_charts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "eval/interval.h"
#include "runtime/text.h"
#include "tools/interval_axis.h"

namespace cigli {

using Json = nlohmann::ordered_json;

std::string dumped(const Json& json) {
  return json.is_string() ? json.get<std::string>() : json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

namespace {

// What is known of a metric, by what its name is or begins with.
struct MetricKind {
  char better;  // '+': more, '-': less, ' ': neither
  bool share;   // within 0 and 1
};

MetricKind kind_of(const std::string& metric) {
  static const std::map<std::string, MetricKind> kinds = {
      {"fid", {'-', false}},        {"fd", {'-', false}},
      {"kid", {'-', false}},        {"kd", {'-', false}},
      {"cmmd", {'-', false}},       {"mmd", {'-', false}},
      {"lpips", {'-', false}},      {"perceptual", {'-', false}},
      {"is", {'+', false}},         {"psnr", {'+', false}},
      {"clip_score", {'+', false}}, {"density", {'+', false}},
      {"precision", {'+', true}},   {"recall", {'+', true}},
      {"coverage", {'+', true}},    {"r_precision", {'+', true}},
      {"ssim", {'+', true}},        {"text_faithfulness", {'+', true}},
      {"accuracy", {'+', true}},    {"prompt_faithfulness", {'+', true}},
      {"nlvr1", {' ', true}},       {"target_similarity", {'+', true}},
      {"well_formed", {'+', true}}, {"prompt_similarity", {' ', true}}};
  std::string name = metric;
  while (kinds.count(name) == 0 && name.find('_') != std::string::npos) name.resize(name.rfind('_'));
  const auto found = kinds.find(name);
  return found == kinds.end() ? MetricKind{' ', false} : found->second;
}

// Away from 0 to the next of 1, 2, 5 times a power of ten.
double rounded_away(double x) {
  if (x == 0) return 0;
  const double power = std::pow(10, std::floor(std::log10(std::abs(x))));
  for (const double digit : {1., 2., 5.})
    if (digit * power >= std::abs(x) * (1 - 1e-9)) return std::copysign(digit * power, x);
  return std::copysign(10 * power, x);
}

// A value as an axis shows it: a dot, its interval a bar, and where that lies about another estimate a stroke at that.
struct Measured {
  double value = 0;
  std::optional<Interval> interval;
  std::optional<double> centre;
  std::string centre_name;
};

std::optional<Measured> measured(const Json& metric, const char* key) {
  const Json value = metric.value(key, Json()), ci = metric.value("ci", Json());
  if (!value.is_number()) return std::nullopt;
  Measured found{value.get<double>(), {}, {}, metric.value("ci_about", std::string("corrected"))};
  if (ci.is_array()) found.interval = Interval{ci[0].get<double>(), ci[1].get<double>()};
  if (metric.contains(found.centre_name)) found.centre = metric[found.centre_name].get<double>();
  return found;
}

// On a scale that holds 0, all of the measured and, of shares, 1.
std::string axis(const Measured& m, bool share, const std::string& label) {
  double low = std::min(0., m.value), high = std::max(share ? 1. : 0., m.value);
  for (const double x : {m.interval ? m.interval->low : 0, m.interval ? m.interval->high : 0, m.centre.value_or(0)}) {
    low = std::min(low, x);
    high = std::max(high, x);
  }
  low = rounded_away(low);
  high = low == 0 && high == 0 ? 1 : rounded_away(high);
  return draw_axis({low, high, m.value, m.interval, m.centre, 0}, label);
}

// A name that may go on in a new line behind each of its words.
std::string breakable(const std::string& name) {
  std::string html;
  for (const char c : escape_html(name)) html += c == '_' ? std::string("_<wbr>") : std::string(1, c);
  return html;
}

// A line of a table: `key` names the value in `metric`, `note` stands below the label.
std::string line(const std::string& label, const Json& metric, const char* key, MetricKind kind,
                 const std::string& note = "") {
  std::string html = "<tr><th scope=\"row\">" + breakable(label);
  if (kind.better == '+') html += " <small title=\"more is better\">\u2191</small>";
  if (kind.better == '-') html += " <small title=\"less is better\">\u2193</small>";
  if (!note.empty()) html += "<small class=\"note\">" + escape_html(note) + "</small>";
  const std::optional<Measured> m = measured(metric, key);
  const std::string n = metric.contains("n") ? dumped(metric["n"]) : "";
  if (!m) return html + "<td class=\"n\">\u2013<td><td class=\"n\">" + n + "\n";
  std::string interval, said = label + ": " + short_number(m->value);
  if (m->centre) interval += "<small>" + m->centre_name + " " + short_number(*m->centre) + "</small>";
  if (m->interval) {
    const std::string ends = short_number(m->interval->low) + " to " + short_number(m->interval->high);
    interval += "<small>" + ends + "</small>";
    said += ", 95 % interval " + ends;
  }
  return html + "<td class=\"n\">" + short_number(m->value) + interval + "<td>" + axis(*m, kind.share, said) +
         "<td class=\"n\">" + n + "\n";
}

std::string table(const std::string& caption, const std::string& value, const std::string& lines) {
  if (lines.empty()) return "";
  return "<table>\n<caption>" + caption +
         "</caption>\n<tr><th scope=\"col\">metric<th scope=\"col\" class=\"n measure\">" + value +
         "<small>95 % interval</small><th scope=\"col\">drawn<th scope=\"col\" class=\"n\">n\n" + lines + "</table>\n";
}

// Of a metric, or of what lies within an object of several: parts of prdc by their own names, others' behind it.
std::string lines_of(const std::string& name, const std::string& label, const Json& metric, MetricKind outer = {}) {
  MetricKind kind = kind_of(name);
  kind.share = kind.share || outer.share;
  if (metric.contains("value")) return line(label, metric, "value", kind, metric.value("note", std::string()));
  std::string lines;
  for (const auto& [part, value] : metric.items())
    if (value.is_object()) lines += lines_of(part, name.rfind("prdc", 0) == 0 ? part : label + " " + part, value, kind);
  if (lines.empty() && metric.contains("note")) lines = line(label, metric, "value", kind, metric["note"]);
  return lines;
}

std::string consistency_table(const Json& consistency) {
  std::string lines;
  const auto add = [&](const std::string& label, const Json& score) {
    if (score.contains("accuracy")) lines += line(label, score, "accuracy", {' ', true});
  };
  const auto in = [](const Json& json, const char* key) { return json.value(key, Json::object()); };
  add("all rows", consistency);
  add("seen combinations", in(consistency, "seen"));
  add("unseen combinations", in(consistency, "unseen"));
  add("seen paraphrases", in(in(consistency, "paraphrases"), "seen"));
  add("unseen paraphrases", in(in(consistency, "paraphrases"), "unseen"));
  const Json families = in(consistency, "families");
  for (const auto& [family, score] : families.items()) add("family " + family, score);
  return table("Consistency: share of the images that make their sentence true and leave all else", "share", lines);
}

std::string sensitivity_tables(const Json& sensitivity) {
  std::string html;
  for (const auto& [how, inputs] : sensitivity.items())
    for (const auto& [input, metrics] : inputs.items()) {
      std::string lines;
      for (const auto& [name, metric] : metrics.items()) lines += line(name, metric, "drop", {' ', false});
      const std::string from = how == "generation" ? "generated from" : "scored with";
      const std::string what = input == "image" ? "prompt" : "sentence";
      html += table("What it costs if images are " + from + " another row's " + what, "drop", lines);
    }
  return html.empty() ? "" : "<h2>Sensitivity</h2>\n<p>A drop of 0: that input makes no difference.</p>\n" + html;
}

std::string drawn_differences(const Json& difference) {
  std::string lines;
  for (const auto& [name, metric] : difference.items()) {
    std::string note = metric.value("distinguishable", Json()) != false ? "" : "not distinguishable";
    if (metric.contains("note")) note += (note.empty() ? "" : "; ") + metric["note"].get<std::string>();
    lines += line(name, metric, "value", {kind_of(name).better, false}, note);
  }
  return table("Difference: these images less those compared with", "difference", lines);
}

}  // namespace

bool less_is_better(const std::string& metric) { return kind_of(metric).better == '-'; }

std::string score_section(const Json& scores) {
  std::string lines;
  for (const auto& [name, metric] : scores.items()) {
    const bool other = name == "consistency" || name == "sensitivity" || name == "compared" || name == "difference" ||
                       name == "conventions";
    if (metric.is_object() && !other) lines += lines_of(name, name, metric);
  }
  const auto in = [&](const char* key) { return scores.value(key, Json::object()); };
  return "<h2>Scores</h2>\n<p>The dot is the value, the bar its 95 % interval; a stroke in it marks the estimate "
         "that the interval is about where that is another. \u2191 more is better, \u2193 less is better.</p>\n" +
         consistency_table(in("consistency")) + table("Metrics", "value", lines) + drawn_differences(in("difference")) +
         sensitivity_tables(in("sensitivity"));
}

}  // namespace cigli
