#include <iostream>
#include <optional>

#include "eval/study/audit.h"
#include "runtime/error.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct StudyCheckOptions {
  std::string file, key;
  bool json = false;
  void visit(Fields& f) {
    f("file", file, "folder of a packet", Required{});
    f("key", key, "its key: also checks that no system is named and that all is balanced");
    f("json", json, "print what is found as JSON");
  }
};

}  // namespace

int run_study_check(const Arguments& arguments) {
  const auto options = parse<StudyCheckOptions>(arguments);
  std::optional<StudyKey> key;
  if (!options.key.empty()) key = read_study_key(options.key);
  const StudyAudit found = audit_study(options.file, key ? &*key : nullptr);
  if (options.json) {
    const nlohmann::ordered_json json{{"lists", found.lists}, {"trials", found.trials},       {"images", found.images},
                                      {"leaks", found.leaks}, {"imbalance", found.imbalance}, {"faults", found.faults}};
    std::cout << json.dump(2) << "\n";
    return found.passes() ? 0 : 1;
  }
  const auto print = [&](const char* what, const std::vector<std::string>& lines) {
    for (const std::string& line : lines) std::cout << options.file << ": " << what << ": " << line << "\n";
  };
  print("leak", found.leaks);
  print("imbalance", found.imbalance);
  print("fault", found.faults);
  std::cout << options.file << ": " << found.lists << " lists, " << found.trials << " trials, " << found.images
            << " images; " << (found.passes() ? "blind and balanced" : "not fit to be shown")
            << (key ? "" : " (without the key only what it shows by itself)") << "\n";
  return found.passes() ? 0 : 1;
}

}  // namespace cigli
