#include "tools/evaluation_report.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "dataset/image.h"
#include "dataset/metadata.h"
#include "eval/features/nearest.h"
#include "eval/generated.h"
#include "eval/interval.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/text.h"
#include "tools/interval_axis.h"
#include "tools/report_page.h"
#include "tools/score_charts.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using torch::Tensor;

constexpr std::int64_t kSampled = 12, kNeighbours = 3;
constexpr std::size_t kRowsShown = 8;

std::string authenticity(const EvaluationPage& page, const std::string& what) {
  const Tensor authentic = authentic_rows(page.searched.rows.features, page.images.features.rows.features);
  const std::int64_t count = authentic.size(0), own = authentic.sum().item<std::int64_t>();
  char share[16];
  std::snprintf(share, sizeof share, "%.1f %%", 100. * static_cast<double>(own) / static_cast<double>(count));
  return "<p>Authenticity " + std::string(share) + ": " + std::to_string(own) + " of " + std::to_string(count) +
         " generated images lie farther from the nearest " + what +
         " than that does from its own nearest other one (Alaa et al. 2022, eq. 9). New images of the same source come "
         "to a third or more, copies to 0. " +
         (page.training.empty() ? "The real images are what was scored against: where they are the rows' own targets, "
                                  "near ones are what was asked for. --training shows whether a model copies."
                                : "Searched are those of " + escape_html(page.training) + ".") +
         "</p>\n";
}

std::string nearest_section(const EvaluationPage& page) {
  const Tensor &made = page.images.features.rows.features, &searched = page.searched.rows.features;
  if (!made.defined() || !searched.defined() || searched.size(0) < 2) return "";
  const std::string what = page.training.empty() ? "real image" : "training image";
  const std::int64_t shown = std::min(kSampled, made.size(0));
  std::vector<std::int64_t> sample;
  for (std::int64_t i = 0; i < shown; ++i) sample.push_back(i * made.size(0) / shown);
  const Nearest nearest = nearest_rows(made.index_select(0, torch::tensor(sample)), searched, kNeighbours);
  // Of the first ones; each is among its own nearest, at distance 0.
  const Tensor firsts = searched.index_select(0, nearest.rows.select(1, 0));
  const Tensor others = nearest_rows(firsts, searched, 2).distances.select(1, 1);
  std::string html = "<h2>Nearest " + what + "s</h2>\n" + authenticity(page, what) +
                     "<p>Generated images, evenly over the set, each before the nearest " + what +
                     "s and their distances between features.</p>\n<div class=\"cards\">\n";
  for (std::int64_t i = 0; i < shown; ++i) {
    const auto row = static_cast<std::size_t>(sample[static_cast<std::size_t>(i)]);
    const fs::path& file = page.images.files[page.images.features.numbers[row]];
    html += "<div class=\"card\"><div class=\"images\">" +
            report_figure(file, "generated " + file.filename().string(), file.stem().string(), "asked");
    for (std::int64_t k = 0; k < nearest.rows.size(1); ++k) {
      const auto found = static_cast<std::size_t>(nearest.rows[i][k].item<std::int64_t>());
      const fs::path& other = page.searched_files[page.searched.numbers[found]];
      const std::string distance = short_number(nearest.distances[i][k].item<double>());
      html += report_figure(other, what + " " + other.filename().string() + " at distance " + distance, distance);
    }
    html += "</div><p><small>from the first to its own nearest other: " + short_number(others[i].item<double>()) +
            "</small></p></div>\n";
  }
  return html + "</div>\n";
}

// The metric that rows are ranked by; "" for none.
std::string ranking_metric(const RowValues& values) {
  const char* best = "target_similarity_dataset";
  return values.count(best) > 0 ? best : values.empty() ? "" : values.begin()->first;
}

std::string row_card(const EvaluationPage& page, std::size_t place, const Row& row) {
  const RowMetrics& metrics = *page.images.rows;
  const std::string& id = metrics.ids[place];
  const std::filesystem::path folder = image_folder(page.data);
  std::string html = "<div class=\"card\"><div class=\"images\">" +
                     report_figure(folder / row.prompt_file_name, "prompt of " + id, "prompt") +
                     report_figure(Answers(page.generated).to(id), "generated image of " + id, "generated") +
                     report_figure(folder / row.target_file_name, "target of " + id, "target") + "</div><p>" +
                     escape_html(row.text) + " <small>" + escape_html(id) + "</small></p><p class=\"values\">";
  const char* gap = "";
  for (const auto& [name, values] : metrics.values) {
    html += gap + escape_html(name) + "&nbsp;<b>" + short_number(values[place]) + "</b>";
    gap = ", ";
  }
  return html + "</p></div>\n";
}

std::string row_section(const EvaluationPage& page) {
  if (!page.images.rows) return "";
  const RowMetrics& metrics = *page.images.rows;
  const std::string metric = ranking_metric(metrics.values);
  if (metric.empty()) return "";
  const std::vector<double>& values = metrics.values.at(metric);
  const double sign = less_is_better(metric) ? -1 : 1;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isnan(values[i])) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return sign * values[a] < sign * values[b]; });
  const std::size_t worst = std::min(kRowsShown, (order.size() + 1) / 2), best = std::min(kRowsShown, order.size() / 2);
  std::map<std::string, Row> rows;
  for (std::size_t i = 0; i < order.size(); ++i)
    if (i < worst || i >= order.size() - best) rows[metrics.ids[order[i]]];
  scan_metadata(
      page.data,
      [&](Row&& row) {
        if (const auto found = rows.find(row.id); found != rows.end()) found->second = std::move(row);
      },
      [](RowFault&&) {});
  std::string html;
  const auto add = [&](const std::string& heading, auto begin, auto end) {
    if (begin == end) return;
    html += "<h2>" + heading + " by " + escape_html(metric) + "</h2>\n<div class=\"cards\">\n";
    for (auto place = begin; place != end; ++place) html += row_card(page, *place, rows[metrics.ids[*place]]);
    html += "</div>\n";
  };
  add("Worst rows", order.begin(), order.begin() + static_cast<std::ptrdiff_t>(worst));
  add("Best rows", order.rbegin(), order.rbegin() + static_cast<std::ptrdiff_t>(best));
  return html;
}

std::string conventions(const Json& scores) {
  std::string terms;
  const auto add = [&](const std::string& name, const Json& object) {
    std::string members;
    for (const auto& [key, value] : object.items()) {
      static const std::set<std::string> shown{"value", "n", "ci", "note", "corrected", "unbiased"};
      if (shown.count(key) == 0 && !(value.is_object() && value.contains("value")))
        members += (members.empty() ? "" : ", ") + key + " " + dumped(value);
    }
    if (!members.empty()) terms += "<dt>" + escape_html(name) + "<dd>" + escape_html(members) + "\n";
  };
  for (const auto& [name, metric] : scores.items()) {
    if (name == "conventions") add("all", metric);
    if (metric.is_object() && metric.contains("convention")) add(name, metric);
  }
  return terms.empty() ? "" : "<footer><h2>Conventions</h2>\n<dl>\n" + terms + "</dl></footer>\n";
}

std::string overview(const EvaluationPage& page) {
  if (page.images.files.empty()) return "";
  std::string html = "<p>" + std::to_string(page.images.files.size()) + " images";
  if (!page.generated.empty()) html += " of " + escape_html(page.generated.string());
  if (!page.data.empty()) html += " against " + escape_html(page.data.string());
  if (!page.split.empty()) html += ", split " + escape_html(page.split);
  const auto add = [&](const char* what, const std::vector<std::string>& all) {
    if (!all.empty()) html += "; " + std::to_string(all.size()) + " " + what;
  };
  add("missing", page.images.missing);
  add("damaged", page.images.damaged);
  add("that answer no row", page.images.unasked);
  add("rows that can't be used", page.images.faults);
  return html + ".</p>\n";
}

}  // namespace

void write_evaluation_page(const fs::path& file, const EvaluationPage& page) {
  write_file(file, report_page(page.title, overview(page) + score_section(page.scores) + nearest_section(page) +
                                               row_section(page) + conventions(page.scores)));
}

}  // namespace cigli
