#include <iostream>
#include <set>

#include "dataset/hygiene.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/interrupt.h"
#include "runtime/progress.h"
#include "tools/commands.h"
#include "tools/curation_report.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct DataCurateOptions {
  std::string data, out;
  HygieneOptions hygiene;
  bool dry_run = false, json = false;
  void visit(Fields& f) {
    f("data", data, "dataset folder to curate; nothing in it changes", Required{});
    f("out", out, "dataset folder to write what is kept into");
    hygiene.visit(f);
    f("dry_run", dry_run, "say what would be kept, and write nothing");
    f("json", json, "print the counts as JSON on stdout");
  }
};

void print(const CurationReport& report, const std::string& where) {
  std::cout << where << ": " << report.kept() << " of " << report.rows() << " rows kept\n";
  for (const Objection objection : objections())
    if (report.count(objection) > 0)
      std::cout << "  " << report.count(objection) << " dropped: " << name(objection) << '\n';
}

void put_line(const ByteSink& sink, const Json& object) {
  const std::string line = object.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
  sink(line.data(), line.size());
}

// The dataset folder of what is kept: images, `dropped.jsonl`, and then `metadata.jsonl` as one step.
CurationReport write_kept(Hygiene& hygiene, const fs::path& data, const fs::path& out) {
  CurationReport report;
  std::set<std::string> linked;
  const auto link_image = [&](const std::string& file) {
    if (!linked.insert(file).second) return;
    make_folder((out / file).parent_path());
    link_or_copy(data / file, out / file);
  };
  const InterruptGuard guard;
  write_file(out / "metadata.jsonl", [&](const ByteSink& kept) {
    write_file(out / "dropped.jsonl", [&](const ByteSink& dropped) {
      hygiene.judge([&](const Row* row, const Judgement& judgement) {
        if (InterruptGuard::requested())
          throw Interrupted(out.string() + ": interrupted; the same command goes on from there");
        report.add(row, judgement);
        if (judgement.objection == Objection::none) {
          link_image(row->prompt_file_name);
          link_image(row->target_file_name);
          put_line(kept, row->object);
        } else {
          put_line(dropped, {{"line", judgement.line},
                             {"id", judgement.id},
                             {"split", judgement.split},
                             {"objection", name(judgement.objection)},
                             {"reason", judgement.reason}});
        }
      });
    });
    if (report.kept() == 0)
      throw Error(data.string() + ": none of its " + std::to_string(report.rows()) + " rows is kept; " +
                  (out / "dropped.jsonl").string() + " says why");
  });
  return report;
}

}  // namespace

int run_data_curate(const Arguments& arguments) {
  const auto options = parse<DataCurateOptions>(arguments);
  if (options.dry_run == !options.out.empty())
    throw UsageError("cigli " + arguments.command + ": expected --out, or --dry-run without it");
  const fs::path out = options.out, workspace = options.dry_run ? fs::path() : out / "unfinished";
  if (!options.dry_run && fs::exists(out / "metadata.jsonl"))
    throw Error((out / "metadata.jsonl").string() + ": the folder holds a dataset already; expected a new folder");
  Hygiene hygiene(options.data, options.hygiene, workspace);
  Progress progress("images", 0);
  hygiene.look([&](std::int64_t rows) { progress.update(rows); });
  progress.finish();
  CurationReport report;
  if (options.dry_run) {
    hygiene.judge([&](const Row* row, const Judgement& judgement) { report.add(row, judgement); });
  } else {
    report = write_kept(hygiene, options.data, out);
    write_file(out / "curation.json", report.json().dump(2) + '\n');
    write_file(out / "report.html", report.page("Curation of " + options.data, options.data));
    fs::remove_all(workspace);
  }
  if (options.json)
    std::cout << report.json() << '\n';
  else
    print(report, options.dry_run ? options.data : options.out);
  return 0;
}

}  // namespace cigli
