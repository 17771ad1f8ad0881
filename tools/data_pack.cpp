#include <iostream>
#include <optional>

#include "dataset/pack.h"
#include "runtime/progress.h"
#include "runtime/text.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct DataPackOptions {
  std::string data, out;
  PackOptions pack;
  bool json = false;
  void visit(Fields& f) {
    f("data", data, "dataset folder with metadata.jsonl", Required{});
    f("out", out, "packed file to write", Required{});
    pack.visit(f);
    f("json", json, "print the counts as JSON on stdout");
  }
};

}  // namespace

int run_data_pack(const Arguments& arguments) {
  const auto options = parse<DataPackOptions>(arguments);
  std::optional<Progress> progress;
  const PackReport report = pack_dataset(options.data, options.out, options.pack, [&](auto done, auto all) {
    if (!progress) progress.emplace("packing", all);
    progress->update(done);
  });
  if (progress) progress->finish();
  for (const std::string& reason : report.skipped) std::cerr << "skipped: " << reason << '\n';
  const Pack pack(options.out);
  if (options.json) {
    std::cout << nlohmann::ordered_json{{"pairs", report.pairs},
                                        {"skipped", report.skipped.size()},
                                        {"prompt", {pack.prompt_height(), pack.prompt_width()}},
                                        {"target", {pack.target_height(), pack.target_width()}}}
              << '\n';
  } else {
    std::cout << options.out << ": " << report.pairs << " pairs, prompt " << pack.prompt_width() << 'x'
              << pack.prompt_height() << ", target " << pack.target_width() << 'x' << pack.target_height() << ", "
              << human_bytes(static_cast<double>(std::filesystem::file_size(options.out))) << '\n';
  }
  return report.skipped.empty() ? 0 : 3;
}

}  // namespace cigli
