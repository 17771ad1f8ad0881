#include "eval/study/export_options.h"

#include <algorithm>
#include <set>

#include "eval/study/adapters.h"
#include "runtime/error.h"
#include "runtime/files.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

// NAME=FOLDER
std::pair<std::string, fs::path> named_folder(const std::string& option, const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == word.size())
    throw UsageError("--" + option + " " + word + ": expected NAME=FOLDER");
  return {word.substr(0, equals), word.substr(equals + 1)};
}

}  // namespace

void StudyExportOptions::visit(Fields& f) {
  f("system", system, "NAME=FOLDER of images that answer the data; once for each system", Required{});
  f("ablation", ablation, "NAME:text=FOLDER or NAME:image=FOLDER: images of --system NAME by `generate --swap`");
  f("data", data, "dataset folder whose rows the images answer", Required{});
  f("split", split, "rows of this split alone");
  f("out", out, "folder of the packet, a new one", Required{});
  f("key", key, "file that tells which image is whose; raters must not see it", Required{});
  f("items", items, "rows to show, drawn of those that all systems answer", Required{}, Range{1, 1e6});
  f("raters", raters, "judgements of each item", Range{1, 1000});
  f("items_per_rater", items_per_rater, "judgements of a rater, at most, checks not counted", Range{1, 100000});
  f("examples", examples, "worked examples before the first item, of rows that are left, with their targets",
    Range{0, 10});
  f("mode", mode,
    "pairs: two images beside each other; single: one, for a rating; real: one, to be told from the dataset's targets",
    Choices{{"pairs", "single", "real"}});
  f("design", design, "which pairs", Choices{{"all-pairs", "against-baseline"}});
  f("baseline", baseline, "system that the others are compared with, for --design against-baseline");
  f("adapter", adapter, "also writes OUT-NAME for a platform that brings raters", Choices{study_adapters()});
  f("host", host, "address at which the packet will lie, for --adapter");
  f("text", text, "TOML file with the wording (default: English, as `study text` prints it)");
  f("attention", attention, "instructed attention checks, a share of a list's judgements", Range{0, 1});
  f("catches", catches, "pairs with an obvious answer, the same", Range{0, 1});
  f("repeats", repeats, "judgements that are asked for once more, sides exchanged, the same", Range{0, 0.3});
  f("exclude.attention", exclusion.attention,
    "rule by which raters are left out: least share of attention checks passed", Range{0, 1});
  f("exclude.catches", exclusion.catches, "the same of obvious pairs", Range{0, 1});
  f("exclude.repeats", exclusion.repeats, "the same of repeats that are answered as before", Range{0, 1});
  f("exclude.seconds", exclusion.seconds, "the same: least median of an answer's seconds", Range{0, 3600});
  f("strict", strict, "fail where systems answer different rows, or a row can't be shown");
  f("seed", seed, "of the rows drawn, orders, sides and names", Range{0, 9e15});
}

fs::path packet_folder(const StudyExportOptions& options) {
  const fs::path normal = fs::path(options.out).lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

fs::path adapter_folder(const StudyExportOptions& options) {
  fs::path folder = packet_folder(options);
  return folder += "-" + options.adapter;
}

std::vector<StudySystem> study_systems(const StudyExportOptions& options) {
  std::vector<StudySystem> systems;
  std::set<std::string> names;
  const auto add = [&](StudySystem system) {
    if (!fs::is_directory(system.folder)) throw Error(system.folder.string() + ": no such folder");
    if (!names.insert(system.name).second) throw UsageError("two systems are named " + system.name);
    systems.push_back(std::move(system));
  };
  for (const std::string& word : options.system) {
    const auto [name, folder] = named_folder("system", word);
    if (name == kRealSystem) throw UsageError("--system " + word + ": the name real is the dataset's own targets'");
    add({name, folder, "", "", false});
  }
  for (const std::string& word : options.ablation) {
    const auto [name, folder] = named_folder("ablation", word);
    const std::size_t colon = name.rfind(':');
    const std::string of = name.substr(0, colon), swapped = colon == std::string::npos ? "" : name.substr(colon + 1);
    if ((swapped != "text" && swapped != "image") || names.count(of) == 0)
      throw UsageError("--ablation " + word + ": expected NAME:text=FOLDER or NAME:image=FOLDER, NAME a --system");
    add({name, folder, of, swapped, false});
  }
  return systems;
}

std::vector<std::vector<std::string>> study_comparisons(const std::vector<StudySystem>& systems,
                                                        const StudyExportOptions& options) {
  std::vector<std::vector<std::string>> all;
  const bool pairs = options.mode == "pairs";
  for (std::size_t i = 0; i < systems.size(); ++i) {
    if (!pairs) all.push_back({systems[i].name});
    if (pairs && !systems[i].of.empty()) all.push_back({systems[i].of, systems[i].name});
    for (std::size_t j = i + 1; pairs && j < systems.size() && systems[j].of.empty(); ++j)
      if (options.baseline.empty() || systems[i].name == options.baseline || systems[j].name == options.baseline)
        all.push_back({systems[i].name, systems[j].name});
  }
  if (options.mode == "real") all.push_back({kRealSystem});
  return all;
}

void check_study_options(const StudyExportOptions& options, const std::vector<StudySystem>& systems) {
  const auto main = std::count_if(systems.begin(), systems.end(), [](const StudySystem& s) { return s.of.empty(); });
  if (options.mode == "pairs" && main < 2 && options.ablation.empty())
    throw UsageError("a study of pairs takes two systems or more, or an --ablation");
  if (main < 1) throw UsageError("a study takes a --system NAME=FOLDER");
  if (options.mode != "pairs" && !options.baseline.empty())
    throw UsageError("--baseline is of pairs, and --mode " + options.mode + " shows one image");
  if ((options.design == "against-baseline") != !options.baseline.empty())
    throw UsageError("--baseline NAME and --design against-baseline go together");
  const auto is_baseline = [&](const StudySystem& s) { return s.name == options.baseline && s.of.empty(); };
  if (!options.baseline.empty() && std::none_of(systems.begin(), systems.end(), is_baseline))
    throw UsageError("--baseline " + options.baseline + " is no --system");
  if (options.adapter.empty() != options.host.empty())
    throw UsageError("--adapter NAME and --host ADDRESS, where the packet will lie, go together");
  const bool address = options.host.rfind("https://", 0) == 0 || options.host.rfind("http://", 0) == 0;
  if (!options.host.empty() && (!address || options.host.find_first_of("?#\"<> ") != std::string::npos))
    throw UsageError("--host " + options.host + ": expected an address as https://example.org/study");
  const std::string adapted = options.adapter.empty() ? "" : adapter_folder(options).string();
  for (const auto& [made, what] : {std::pair(options.out, "a new folder"), std::pair(options.key, "a new file"),
                                   std::pair(adapted, "a new folder")})
    if (!made.empty() && fs::exists(made)) throw Error(made + ": is there already, expected " + what);
  const auto inside = fs::weakly_canonical(options.key).lexically_relative(fs::weakly_canonical(options.out));
  if (!inside.empty() && *inside.begin() != "..")
    throw UsageError("--key " + options.key + ": lies in the packet, which raters see");
  check_output(options.key);
}

}  // namespace cigli
