#include <iostream>

#include "dataset/check.h"
#include "dataset/metadata.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct DataCheckOptions {
  std::string file;
  std::int64_t workers = 0;
  bool json = false;
  void visit(Fields& f) {
    f("file", file, "dataset folder with metadata.jsonl", Required{});
    f("workers", workers, "threads, 0: all cores", Range{0, 1024});
    f("json", json, "print the report as JSON on stdout");
  }
};

constexpr std::int64_t kWarningsShown = 20;  // --json has them all

void print(const CheckReport& report, const std::string& name) {
  const std::int64_t errors = report.errors(), all = static_cast<std::int64_t>(report.findings.size());
  std::int64_t warnings = 0;
  for (const Finding& finding : report.findings) {
    if (!finding.error && ++warnings > kWarningsShown) continue;
    std::cout << name;
    if (finding.line > 0) std::cout << ':' << finding.line;
    std::cout << (finding.error ? ": error: " : ": warning: ");
    if (!finding.id.empty()) std::cout << "row \"" << finding.id << "\": ";
    std::cout << finding.message << " (" << finding.suggestion << ")\n";
  }
  if (warnings > kWarningsShown)
    std::cout << "and " << warnings - kWarningsShown << " more warnings; --json lists all\n";
  std::cout << name << ": " << report.rows << " rows";
  for (const auto& [split, count] : report.splits)
    std::cout << ", " << count << ' ' << (split.empty() ? "without split" : split);
  std::cout << "; " << errors << " errors, " << all - errors << " warnings; "
            << (report.trainable ? "training can read it" : "training would fail") << '\n';
}

}  // namespace

int run_data_check(const Arguments& arguments) {
  const auto options = parse<DataCheckOptions>(arguments);
  const CheckReport report = check_dataset(options.file, options.workers);
  if (options.json)
    std::cout << to_json(report).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  else
    print(report, metadata_file(options.file).string());
  return report.trainable ? 0 : 1;
}

}  // namespace cigli
