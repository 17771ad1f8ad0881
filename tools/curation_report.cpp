#include "tools/curation_report.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "dataset/image.h"
#include "runtime/error.h"
#include "runtime/text.h"
#include "tools/bar_chart.h"
#include "tools/thumbnail.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kKeptExamples = 24, kDroppedExamples = 8, kWordsShown = 30, kSizesShown = 8;

std::string share_text(std::int64_t part, std::int64_t all) {
  const std::int64_t tenths = all == 0 ? 0 : (2000 * part + all) / (2 * all);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

// The most frequent first, among equals in the order of their names.
std::vector<std::pair<std::string, std::int64_t>> most_frequent(const std::map<std::string, std::int64_t>& counts,
                                                                std::size_t shown) {
  std::vector<std::pair<std::string, std::int64_t>> all(counts.begin(), counts.end());
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  all.resize(std::min(all.size(), shown));
  return all;
}

const std::string& explanation(Objection objection) {
  static const std::map<Objection, std::string> all = {
      {Objection::malformed, "the line itself is malformed"},
      {Objection::damaged, "an image is missing or damaged"},
      {Objection::small, "an image is too small"},
      {Objection::aspect, "an image is too long"},
      {Objection::blank, "an image is blank"},
      {Objection::caption, "the sentence is no caption"},
      {Objection::unchanged, "prompt and target are the same picture"},
      {Objection::leak, "a picture is also in a split for scoring"},
      {Objection::duplicate, "an earlier row is the same"},
      {Objection::repeated, "the sentence repeats"},
      {Objection::templated, "the sentence is one of a template"},
      {Objection::unneeded, "sentence or prompt alone tells the target"},
      {Objection::undecided, "both together don't tell the target"}};
  return all.at(objection);
}

constexpr const char* kCurationStyle = R"(
  body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #222; background: #fff; }
  h1 { margin-bottom: 0; } h3 { margin: 1em 0 .3em; } section { display: inline-block; vertical-align: top; margin-right: 3em; }
  table { border-collapse: collapse; } td, th { padding: .15em .7em .15em 0; text-align: left; } .n { text-align: right; }
  .bar { display: inline-block; height: .8em; background: #0a63c9; margin-right: .6em; } small { color: #666; }
  details { border-top: 1px solid #ddd; padding: .5em 0; } summary { cursor: pointer; font-weight: 600; }
  .card { display: inline-block; vertical-align: top; width: 19em; margin: .8em 1.2em .4em 0; }
  .card img { min-width: 96px; max-width: 132px; image-rendering: pixelated; margin-right: 4px; border: 1px solid #eee; }
  .none { display: inline-block; width: 96px; height: 96px; background: #f3f3f3; color: #777; text-align: center; line-height: 96px; }
  .reason { color: #a33; }
)";

}  // namespace

void CurationReport::add(const Row* row, const Judgement& judgement) {
  const bool keeps = judgement.objection == Objection::none;
  ++counts_[judgement.objection];
  ++splits_[judgement.split][keeps];
  if (keeps) {
    std::string word;
    std::int64_t length = 0;
    for (const char c : row->text + ' ') {
      const auto byte = static_cast<unsigned char>(c);
      if (byte >= 0x80 || std::isalnum(byte) || c == '\'') {
        word += static_cast<char>(byte < 0x80 ? std::tolower(byte) : byte);
      } else if (!word.empty()) {
        ++words_[word];
        ++length;
        word.clear();
      }
    }
    ++lengths_[length];
    for (const std::size_t side : {0, 1}) {
      const ImageSize& size = judgement.sizes[side];
      ++sizes_[std::string(side == 0 ? "prompt " : "target ") + std::to_string(size.width) + "x" +
               std::to_string(size.height)];
    }
  }
  Sample& sample = samples_[judgement.objection];
  const std::size_t room = keeps ? kKeptExamples : kDroppedExamples;
  const std::uint64_t place = sample.seen < static_cast<std::int64_t>(room)
                                  ? static_cast<std::uint64_t>(sample.seen)
                                  : random_.below(static_cast<std::uint64_t>(sample.seen) + 1);
  ++sample.seen;
  if (place >= room) return;
  sample.examples.resize(std::max<std::size_t>(sample.examples.size(), place + 1));
  Example& example = sample.examples[place];
  example = {judgement.id, "", "", "", judgement.reason, judgement.line};
  if (row == nullptr) return;
  example.text = row->text;
  example.prompt = row->prompt_file_name;
  example.target = row->target_file_name;
}

std::int64_t CurationReport::count(Objection objection) const {
  const auto found = counts_.find(objection);
  return found == counts_.end() ? 0 : found->second;
}

std::int64_t CurationReport::rows() const {
  std::int64_t all = 0;
  for (const auto& [objection, count] : counts_) all += count;
  return all;
}

Json CurationReport::json() const {
  Json dropped = Json::object();
  for (const Objection objection : objections()) dropped[name(objection)] = count(objection);
  return {{"rows", rows()}, {"kept", kept()}, {"dropped", dropped}};
}

std::string CurationReport::funnel() const {
  std::int64_t left = rows();
  std::string html = "<h2>From " + std::to_string(left) + " rows to " + std::to_string(kept()) + "</h2>\n<table>\n" +
                     bar("rows read", left, rows());
  for (const Objection objection : objections()) {
    const std::int64_t dropped = count(objection);
    if (dropped == 0) continue;
    left -= dropped;
    html += bar("without " + name(objection), left, rows(),
                "<small>&minus; " + std::to_string(dropped) + ": " + explanation(objection) + "</small>");
  }
  return html + "</table>\n";
}

std::string CurationReport::statistics() const {
  std::string html =
      "<h2>What is kept</h2>\n<section><h3>Splits</h3><table>\n<tr><th>split<th class=\"n\">kept<th "
      "class=\"n\">dropped<th class=\"n\">share kept\n";
  for (const auto& [split, ends] : splits_) {
    const auto of = [&, &ends = ends](bool keeps) {
      const auto found = ends.find(keeps);
      return found == ends.end() ? 0 : found->second;
    };
    html += "<tr><td>" + (split.empty() ? "none" : escape_html(split)) + "<td class=\"n\">" + std::to_string(of(true)) +
            "<td class=\"n\">" + std::to_string(of(false)) + "<td class=\"n\">" +
            share_text(of(true), of(true) + of(false)) + '\n';
  }
  html += "</table></section>\n";
  std::vector<std::pair<std::string, std::int64_t>> lengths;
  for (const auto& [length, count] : lengths_) lengths.emplace_back(std::to_string(length), count);
  html += bars("Image sizes", most_frequent(sizes_, kSizesShown)) + bars("Words a sentence", lengths) +
          bars("The most frequent of " + std::to_string(words_.size()) + " words", most_frequent(words_, kWordsShown));
  return html;
}

std::string CurationReport::examples(const fs::path& folder) const {
  std::string html = "<h2>Rows to look at</h2>\n<p>Drawn at random. Left the prompt, right the target.</p>\n";
  for (const auto& [objection, sample] : samples_) {
    const bool keeps = objection == Objection::none;
    html += std::string("<details") + (keeps ? " open" : "") + "><summary>" +
            (keeps ? "kept" : "dropped: " + name(objection)) + " (" + std::to_string(sample.examples.size()) + " of " +
            std::to_string(sample.seen) + ")</summary>\n";
    for (const Example& example : sample.examples) {
      html += "<div class=\"card\">";
      if (!example.prompt.empty())
        html += thumbnail(folder / example.prompt, "prompt of " + example.id) +
                thumbnail(folder / example.target, "target of " + example.id) + "<br>";
      html += escape_html(example.text) + "<br><small>line " + std::to_string(example.line) + " " +
              escape_html(example.id) + "</small>";
      if (!keeps) html += "<br><small class=\"reason\">" + escape_html(example.reason) + "</small>";
      html += "</div>\n";
    }
    html += "</details>\n";
  }
  return html;
}

std::string CurationReport::page(const std::string& title, const fs::path& folder, const std::string& section) const {
  return "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>" + escape_html(title) +
         "</title>\n<style>" + kCurationStyle + "</style>\n<h1>" + escape_html(title) + "</h1>\n" + funnel() + section +
         statistics() + examples(folder) + "</html>\n";
}

}  // namespace cigli
