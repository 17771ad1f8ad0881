#include "tools/score_table.h"

#include <cstdio>

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

std::string number(const Json& value, const char* format) {
  if (!value.is_number()) return "-";
  char text[48];
  std::snprintf(text, sizeof text, format, value.get<double>());
  return text;
}

std::string interval_of(const Json& metric) {
  const Json ci = metric.value("ci", Json());
  return ci.is_array() ? number(ci[0], "%.6g") + " .. " + number(ci[1], "%.6g") : "-";
}

std::string line(const std::string& name, const std::string& value, const std::string& interval, const std::string& n) {
  char text[200];
  std::snprintf(text, sizeof text, "%-28s %14s   %-28s %8s\n", name.c_str(), value.c_str(), interval.c_str(),
                n.c_str());
  return text;
}

std::string metric_lines(const std::string& name, const Json& metric) {
  std::string lines =
      line(name, number(metric["value"], "%.8g"), interval_of(metric), metric.contains("n") ? metric["n"].dump() : "-");
  for (const char* other : {"corrected", "unbiased", "u_statistic"})
    if (metric.contains(other))
      lines += line("  " + std::string(other), number(metric[other], "%.8g"),
                    metric.value("ci_about", "") == other ? "the interval's centre" : "", "");
  if (metric.contains("note")) lines += "  " + metric["note"].get<std::string>() + "\n";
  return lines;
}

}  // namespace

std::string score_table(const Json& scores) {
  std::string table;
  for (const auto& [name, metric] : scores.items()) {
    if (name == "consistency" || name == "nlvr1" || !metric.is_object()) continue;
    if (metric.contains("value")) table += metric_lines(name, metric);
    for (const auto& [part, value] : metric.items())
      if (value.is_object() && value.contains("value")) table += metric_lines(part, value);
  }
  if (!table.empty()) table = line("metric", "value", "95% interval", "n") + table;
  if (!scores.contains("sensitivity")) return table;
  for (const auto& [how, inputs] : scores["sensitivity"].items())
    for (const auto& [input, metrics] : inputs.items()) {
      table += "\n" + line("another row's " + input + " when " + how, "drop", "95% interval", "n");
      for (const auto& [name, metric] : metrics.items())
        table += line(name, number(metric["drop"], "%.6g"), interval_of(metric), metric["n"].dump());
    }
  return table;
}

std::string difference_table(const Json& difference) {
  std::string table = "\n" + line("difference", "value", "95% interval", "n");
  for (const auto& [name, metric] : difference.items()) {
    const Json n = metric.value("n", Json());
    const std::string count = n.is_array() ? n[0].dump() + ", " + n[1].dump() : n.is_null() ? "-" : n.dump();
    table += line(name, number(metric["value"], "%.6g"), interval_of(metric), count);
    if (const std::string about = metric.value("ci_about", ""); !about.empty())
      table += line("  " + about, number(metric[about], "%.6g"), "the interval's centre", "");
    if (metric["distinguishable"] == false) table += "  not distinguishable\n";
    for (const char* remark : {"note", "warning"})
      if (metric.contains(remark)) table += "  " + metric[remark].get<std::string>() + "\n";
  }
  return table;
}

}  // namespace cigli
