#include "tools/generation_report.h"

#include <algorithm>
#include <set>

#include "dataset/contact_sheet.h"
#include "dataset/fit.h"
#include "dataset/image.h"
#include "runtime/files.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t sheet_requests = 48, page_requests = 200, sheet_images = 4, page_images = 16;

// A request with the files it gave, in the order of the jobs.
struct Given {
  const ImageRequest* request;
  std::vector<fs::path> files;
};

std::vector<Given> group_by_request(const std::vector<ImageJob>& jobs, const std::vector<Json>& results) {
  std::vector<Given> given;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (given.empty() || given.back().request != jobs[i].request) given.push_back({jobs[i].request, {}});
    if (!results[i].is_null()) given.back().files.emplace_back(jobs[i].file);
  }
  return given;
}

void write_lines(const fs::path& file, const std::vector<Json>& lines) {
  write_file(file, [&](const ByteSink& sink) {
    for (const Json& line : lines) {
      // Reasons quote what a user gave, which need not be UTF-8.
      const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
      sink(text.data(), text.size());
    }
  });
}

void write_sheet(const fs::path& folder, const std::vector<Given>& given, const ModelOptions& options) {
  std::vector<SheetCard> cards;
  for (const Given& one : given) {
    if (one.files.empty() || cards.size() == sheet_requests) continue;
    SheetCard card{one.request->text,
                   {fit(read_image(one.request->image), options.prompt_width, options.prompt_height)}};
    for (std::size_t i = 0; i < std::min(one.files.size(), sheet_images); ++i)
      card.images.push_back(read_image(folder / one.files[i]));
    cards.push_back(std::move(card));
  }
  if (!cards.empty()) write_png(folder / "contact.png", draw_contact_sheet(cards, cards[0].images.size() > 2 ? 2 : 4));
}

void write_page(const fs::path& folder, const std::vector<Given>& given) {
  std::vector<PageRow> rows;
  for (const Given& one : given) {
    if (rows.size() == page_requests) break;
    PageRow row{one.request->id, one.request->text, fs::proximate(one.request->image, folder), one.files};
    if (row.results.empty()) row.results.emplace_back();
    row.results.resize(std::min(row.results.size(), page_images));
    rows.push_back(std::move(row));
  }
  write_file(folder / "index.html", contact_page("cigli generate", rows, given.size()));
}

}  // namespace

void write_reports(const fs::path& folder, const std::vector<ImageJob>& jobs, const std::vector<Json>& results,
                   const Failures& failures, const ModelOptions& options) {
  std::vector<Json> made, failed;
  std::set<std::string> own;
  for (const ImageJob& job : jobs) own.insert(job.file);
  for (Json& earlier : read_results(folder)) {
    const auto file = earlier.at("file").get<std::string>();
    if (!own.count(file) && fs::exists(folder / file)) made.push_back(std::move(earlier));
  }
  std::copy_if(results.begin(), results.end(), std::back_inserter(made), [](const Json& r) { return !r.is_null(); });
  write_lines(folder / "results.jsonl", made);
  for (const RowFault& failure : failures)
    failed.push_back({{"line", failure.line}, {"id", failure.id}, {"reason", failure.reason}});
  if (failed.empty())
    fs::remove(folder / "failed.jsonl");
  else
    write_lines(folder / "failed.jsonl", failed);
  const std::vector<Given> given = group_by_request(jobs, results);
  write_sheet(folder, given, options);
  write_page(folder, given);
}

}  // namespace cigli
