#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "dataset/nlvr1.h"
#include "dataset/nlvr2.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct ImportNlvr1Options {
  std::string source, out;
  Nlvr1Options nlvr;
  bool json = false;
  void visit(Fields& f) {
    f("source", source, "unpacked split folder, as nlvr/dev", Required{});
    f("out", out, "dataset folder to write", Required{});
    nlvr.visit(f);
    f("json", json, "print the counts as JSON on stdout");
  }
};

int import_nlvr1(const Arguments& arguments) {
  const auto options = parse<ImportNlvr1Options>(arguments);
  const ImportReport report = import_nlvr1(options.source, options.out, options.nlvr);
  for (const std::string& reason : report.reasons) std::cerr << "skipped: " << reason << '\n';
  if (options.json)
    std::cout << nlohmann::ordered_json{{"pairs", report.pairs}, {"skipped", report.skipped}} << '\n';
  else
    std::cout << options.out << ": " << report.pairs << " pairs, " << report.skipped << " skipped\n";
  return report.skipped == 0 ? 0 : 3;
}

struct ImportNlvr2Options {
  std::string annotations, images, out;
  Nlvr2Options nlvr;
  bool list_only = false, json = false;
  void visit(Fields& f) {
    f("annotations", annotations, "NLVR2's annotations, as dev.json or dev.json.gz", Required{});
    f("images", images, "folder below which its images lie");
    f("out", out, "dataset folder to write");
    nlvr.visit(f);
    f("list_only", list_only, "print the identifiers that the filter keeps, one a line, and read no images");
    f("json", json, "print the counts as JSON on stdout");
  }
};

constexpr std::size_t kShownSkips = 10;

int import_nlvr2(const Arguments& arguments) {
  const auto options = parse<ImportNlvr2Options>(arguments);
  const auto tell = [&](const Nlvr2Report& report) {
    const std::size_t shown = options.list_only ? report.skips.size() : std::min(kShownSkips, report.skips.size());
    for (std::size_t i = 0; i < shown; ++i)
      std::cerr << "skipped: " << options.annotations << ':' << report.skips[i].line << ": " << report.skips[i].reason
                << '\n';
    if (shown < report.skips.size())
      std::cerr << "skipped: " << report.skips.size() - shown << " more, listed in " << options.out
                << "/skipped.jsonl\n";
    return report.skips.empty() ? 0 : 3;
  };
  if (options.list_only) {
    if (options.json || !options.out.empty() || !options.images.empty())
      throw UsageError("cigli " + arguments.command + ": --list-only goes with neither --json, --out nor --images");
    return tell(list_nlvr2(options.annotations, nlvr2_filter_named(options.nlvr.filter),
                           [](const std::string& identifier) { std::cout << identifier << '\n'; }));
  }
  for (const auto& [flag, value] : {std::pair{"--images", &options.images}, {"--out", &options.out}})
    if (value->empty()) throw UsageError("cigli " + arguments.command + ": " + flag + " is missing");
  const Nlvr2Report report = import_nlvr2(options.annotations, options.images, options.out, options.nlvr);
  const Nlvr2Counts& counts = report.counts;
  if (options.json)
    std::cout << to_json(report) << '\n';
  else
    std::cout << options.out << ": " << report.pairs << " pairs of " << counts.kept << " rows; of " << counts.rows
              << " rows " << counts.labelled_false << " are labelled false, " << counts.filtered << " filtered, "
              << counts.missing_images << " without both images, " << counts.damaged_images << " with a damaged image, "
              << counts.malformed << " malformed\n";
  return tell(report);
}

using Import = int (*)(const Arguments&);
const std::vector<std::pair<std::string, Import>>& formats() {
  static const std::vector<std::pair<std::string, Import>> all = {{"nlvr", import_nlvr1}, {"nlvr2", import_nlvr2}};
  return all;
}

}  // namespace

// The first word names the format of the source.
int run_data_import(const Arguments& arguments) {
  Arguments rest = arguments;
  const std::string format = rest.words.empty() ? "" : rest.words.front();
  std::string names;
  for (const auto& [name, import] : formats()) {
    if (format == name) {
      rest.words.erase(rest.words.begin());
      rest.command += ' ' + name;
      return import(rest);
    }
    names += (names.empty() ? "" : " or ") + name;
  }
  if (format == "--help" || format == "-h") {
    std::cout << "turn a published dataset into a dataset folder: cigli data import " << names << " --help\n";
    return 0;
  }
  throw UsageError("cigli " + arguments.command + ": " +
                   (format.empty() ? "no format given" : "unknown format \"" + format + "\"") + ", expected " + names);
}

}  // namespace cigli
