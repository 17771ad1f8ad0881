#include <functional>
#include <iostream>
#include <optional>
#include <set>

#include "dataset/hygiene.h"
#include "runtime/device.h"
#include "runtime/device_choice.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/interrupt.h"
#include "runtime/progress.h"
#include "tools/commands.h"
#include "tools/curation_report.h"
#include "tools/necessity_gate.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct DataCurateOptions {
  std::string data, out;
  HygieneOptions hygiene;
  GateOptions gate;
  std::int64_t threads = 0;
  DeviceChoice device;
  bool dry_run = false, json = false;
  void visit(Fields& f) {
    f("data", data, "dataset folder to curate; nothing in it changes", Required{});
    f("out", out, "dataset folder to write what is kept into");
    hygiene.visit(f);
    gate.visit(f);
    f("threads", threads, "threads that train the scorers, 0: all cores", Range{0, 1024});
    device.visit(f);
    f("dry_run", dry_run, "say what would be kept, and write nothing");
    f("json", json, "print the counts as JSON on stdout");
  }
};

std::string describe(const CurationReport& report, const std::string& where) {
  std::string text =
      where + ": " + std::to_string(report.kept()) + " of " + std::to_string(report.rows()) + " rows kept\n";
  for (const Objection objection : objections())
    if (report.count(objection) > 0)
      text += "  " + std::to_string(report.count(objection)) + " dropped: " + name(objection) + '\n';
  return text;
}

void put_line(const ByteSink& sink, const Json& object) {
  const std::string line = object.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
  sink(line.data(), line.size());
}

using OnJudged = std::function<void(const Row* row, const Judgement& judgement)>;
// What judges the rows one by one, in the order of the file.
using JudgeRows = std::function<void(const OnJudged& on_judged)>;

// The dataset folder of what is kept: images, `dropped.jsonl`, what `write_reports` writes, and then `metadata.jsonl`
// as one step.
CurationReport write_kept(const JudgeRows& judge, const fs::path& data, const fs::path& out,
                          const std::function<void(const CurationReport&)>& write_reports) {
  CurationReport report;
  std::set<std::string> linked;
  const auto link_image = [&](const std::string& file) {
    if (!linked.insert(file).second) return;
    make_folder((out / file).parent_path());
    link_or_copy(image_folder(data) / file, out / file);
  };
  const InterruptGuard guard;
  write_file(out / "metadata.jsonl", [&](const ByteSink& kept) {
    write_file(out / "dropped.jsonl", [&](const ByteSink& dropped) {
      judge([&](const Row* row, const Judgement& judgement) {
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
    write_reports(report);
  });
  return report;
}

}  // namespace

int run_data_curate(const Arguments& arguments) {
  auto options = parse<DataCurateOptions>(arguments);
  if (options.dry_run == !options.out.empty())
    throw UsageError("cigli " + arguments.command + ": expected --out, or --dry-run without it");
  if (options.dry_run && !options.gate.gate.empty())
    throw UsageError("cigli " + arguments.command +
                     ": a gate trains scorers in --out; expected --dry-run without --gate");
  const fs::path out = options.out, workspace = options.dry_run ? fs::path() : out / "unfinished";
  if (!options.dry_run && fs::exists(out / "metadata.jsonl"))
    throw Error((out / "metadata.jsonl").string() + ": the folder holds a dataset already; expected a new folder");
  set_threads(options.threads);
  options.gate.necessity.training.device = find_device(options.device.device);
  Hygiene hygiene(options.data, options.hygiene, workspace);
  Progress progress("images", 0);
  hygiene.look([&](std::int64_t rows) { progress.update(rows); });
  progress.finish();
  std::optional<NecessityGate> gate;
  if (!options.gate.gate.empty()) gate.emplace(hygiene, options.data, workspace, options.gate);
  const JudgeRows judge = [&](const OnJudged& on_judged) {
    hygiene.judge([&](const Row* row, Judgement judgement) {
      if (gate && row != nullptr) gate->judge(*row, judgement);
      on_judged(row, judgement);
    });
  };

  const auto counts_of = [&](const CurationReport& report) {
    Json counts = report.json();
    if (gate) counts["necessity"] = gate->json();
    return counts;
  };
  CurationReport report;
  if (options.dry_run) {
    judge([&](const Row* row, const Judgement& judgement) { report.add(row, judgement); });
  } else {
    report = write_kept(judge, options.data, out, [&](const CurationReport& written) {
      write_file(out / "curation.json", counts_of(written).dump(2) + '\n');
      if (gate) write_file(out / "necessity.jsonl", gate->lines());
      write_file(out / "report.html",
                 written.page("Curation of " + options.data, image_folder(options.data), gate ? gate->section() : ""));
    });
    fs::remove_all(workspace);
  }
  const Json counts = counts_of(report);
  if (options.json)
    std::cout << counts << '\n';
  else
    std::cout << describe(report, options.dry_run ? options.data : options.out) << (gate ? gate->text() : "");
  return 0;
}

}  // namespace cigli
