#include <iostream>

#include "dataset/check.h"
#include "dataset/metadata.h"
#include "runtime/progress.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct DataCheckOptions {
  std::string file;
  CheckOptions check;
  bool json = false;
  void visit(Fields& f) {
    f("file", file, "dataset folder with metadata.jsonl", Required{});
    check.visit(f);
    f("json", json, "print the report as JSON on stdout");
  }
};

constexpr std::int64_t kWarningsShown = 20;  // --json has them all

void print(const CheckReport& report, const std::string& file) {
  std::int64_t warnings = 0;
  for (const Finding& finding : report.findings) {
    if (finding.level == Level::warning && ++warnings > kWarningsShown) continue;
    std::cout << file;
    if (finding.line > 0) std::cout << ':' << finding.line;
    std::cout << ": " << name(finding.level) << ": ";
    if (!finding.id.empty()) std::cout << "row \"" << finding.id << "\": ";
    std::cout << finding.message << " (" << finding.suggestion << ")\n";
  }
  if (warnings > kWarningsShown)
    std::cout << "and " << warnings - kWarningsShown << " more warnings; --json lists all\n";
  std::cout << file << ": " << report.rows << " rows";
  for (const auto& [split, count] : report.splits)
    std::cout << ", " << count << ' ' << (split.empty() ? "without split" : split);
  std::cout << "; " << report.count(Level::error) << " errors, " << report.count(Level::leak) << " leaks, " << warnings
            << " warnings; ";
  if (report.count(Level::error) > 0)
    std::cout << "training would fail\n";
  else if (report.count(Level::leak) > 0)
    std::cout << "training can read it, but would see what it is scored by\n";
  else
    std::cout << "training can read it\n";
}

}  // namespace

int run_data_check(const Arguments& arguments) {
  const auto options = parse<DataCheckOptions>(arguments);
  Progress progress("rows", 0);
  const CheckReport report =
      check_dataset(options.file, options.check, [&](std::int64_t rows) { progress.update(rows); });
  progress.finish();
  if (options.json)
    std::cout << to_json(report).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  else
    print(report, metadata_file(options.file).string());
  return report.passes() ? 0 : 1;
}

}  // namespace cigli
