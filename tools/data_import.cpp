#include <iostream>
#include <nlohmann/json.hpp>

#include "dataset/nlvr1.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct DataImportOptions {
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

// The first word names the format of the source.
Arguments take_format(const Arguments& arguments) {
  Arguments rest = arguments;
  const std::string format = rest.words.empty() ? "" : rest.words.front();
  if (format == "nlvr") {
    rest.words.erase(rest.words.begin());
    rest.command += " nlvr";
  } else if (format != "--help" && format != "-h") {
    throw UsageError("cigli " + arguments.command + ": " +
                     (format.empty() ? "no format given" : "unknown format \"" + format + "\"") + ", expected: nlvr");
  }
  return rest;
}

}  // namespace

int run_data_import(const Arguments& arguments) {
  const auto options = parse<DataImportOptions>(take_format(arguments));
  const ImportReport report = import_nlvr1(options.source, options.out, options.nlvr);
  for (const std::string& reason : report.reasons) std::cerr << "skipped: " << reason << '\n';
  if (options.json)
    std::cout << nlohmann::ordered_json{{"pairs", report.pairs}, {"skipped", report.skipped}} << '\n';
  else
    std::cout << options.out << ": " << report.pairs << " pairs, " << report.skipped << " skipped\n";
  return report.skipped == 0 ? 0 : 3;
}

}  // namespace cigli
