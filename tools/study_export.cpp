#include <iostream>
#include <string>

#include "eval/study/export.h"
#include "runtime/progress.h"
#include "tools/commands.h"

namespace cigli {

int run_study_export(const Arguments& arguments) {
  const auto options = parse<StudyExportOptions>(arguments);
  Progress progress("items", options.items);
  const StudyExport made = export_study(options, [&](std::int64_t done) { progress.update(done); });
  progress.finish();
  for (const std::string& line : made.unshared)
    std::cerr << "cigli: warning: " << line << "; the others are left out\n";
  for (const std::string& line : made.left_out) std::cerr << "cigli: warning: " << line << "; left out\n";
  if (made.examples < options.examples && options.mode != "real")
    std::cerr << "cigli: warning: " << made.examples << " of " << options.examples
              << " examples: they take two rows each that are no items\n";
  const auto count = [](std::int64_t n, const char* one) {
    return std::to_string(n) + " " + one + (n == 1 ? "" : "s");
  };
  std::cout << options.out << ": " << count(made.items, "item") << ", " << count(made.lists, "list") << " of "
            << made.shortest;
  if (made.longest > made.shortest) std::cout << " to " << made.longest;
  std::cout << " trials; open index.html?list=0 to list=" << made.lists - 1 << "\n"
            << options.key << ": whose images they are; raters must not see it\n";
  if (!options.adapter.empty())
    std::cout << adapter_folder(options).string() << ": for " << options.adapter << ", with the packet at "
              << options.host << "\n";
  return made.left_out.empty() ? 0 : 3;
}

}  // namespace cigli
