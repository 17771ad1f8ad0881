#include "eval/generated.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <set>

#include "eval/rows.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/line_reader.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEndings[] = {".png", ".jpg", ".jpeg", ".bmp"};
constexpr const char* kContactSheet = "contact.png";  // of `cigli generate` and `control`

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool is_image(const fs::path& file) {
  return file.filename() != kContactSheet && std::find(std::begin(kEndings), std::end(kEndings),
                                                       lower_case(file.extension().string())) != std::end(kEndings);
}

// The endings of images in all cases, the usual ones first.
std::vector<std::string> endings_in_any_case() {
  std::vector<std::string> endings(std::begin(kEndings), std::end(kEndings));
  for (const std::string ending : kEndings)
    for (unsigned upper = 1; upper < 1U << (ending.size() - 1); ++upper) {
      std::string mixed = ending;
      for (std::size_t i = 1; i < mixed.size(); ++i)
        if ((upper >> (i - 1)) & 1U) mixed[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(mixed[i])));
      endings.push_back(mixed);
    }
  return endings;
}

fs::path named_after(const fs::path& folder, const std::string& stem) {
  static const std::vector<std::string> endings = endings_in_any_case();
  for (const std::string& ending : endings)
    if (const fs::path file = folder / (stem + ending); file.filename() != kContactSheet && fs::exists(file))
      return file;
  return {};
}

// "ID-3", one of several images of a row, to "ID".
std::string without_number(const std::string& stem) {
  const auto dash = stem.rfind('-');
  const bool numbered = dash != std::string::npos && dash + 1 < stem.size() &&
                        stem.find_first_not_of("0123456789", dash + 1) == stem.npos;
  return numbered ? stem.substr(0, dash) : stem;
}

// An image that results.jsonl lists; its id is "" where it names none.
struct Listed {
  std::string id;
  unsigned long long k = 0;  // which of the row's images, from 0
  fs::path file;
};

unsigned long long image_number(const nlohmann::json& result, const std::string& id, const fs::path& file) {
  if (const auto k = result.find("k"); k != result.end() && k->is_number_unsigned())
    return k->get<unsigned long long>();
  const std::string stem = file.stem().string();
  return stem == id || without_number(stem) != id ? 0 : std::strtoull(stem.c_str() + id.size() + 1, nullptr, 10);
}

std::vector<Listed> listed_in(const fs::path& folder) {
  std::vector<Listed> listed;
  const fs::path results = folder / "results.jsonl";
  if (!fs::exists(results)) return listed;
  LineReader lines(results);
  for (std::string line; lines.next(line);) {
    const auto row = nlohmann::json::parse(line, nullptr, false);
    if (!row.is_object() || !row.contains("file") || !row["file"].is_string()) continue;  // cut short by a kill
    const auto file = row["file"].get<std::string>();
    join_inside(folder, file, results.string() + ":" + std::to_string(lines.number()));
    if (!is_image(file)) continue;
    const auto found = row.find("id");
    const std::string id = found != row.end() && found->is_string() ? found->get<std::string>() : "";
    listed.push_back({id, image_number(row, id, file), folder / fs::path(file).lexically_normal()});
  }
  return listed;
}

}  // namespace

std::vector<fs::path> image_files(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw Error(folder.string() + ": no such folder, expected images");
  std::set<fs::path> files;
  for (const Listed& listed : listed_in(folder)) files.insert(listed.file);
  // A list of which nothing is there is another folder's.
  if (std::none_of(files.begin(), files.end(), [](const fs::path& file) { return fs::exists(file); })) {
    files.clear();
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file() && is_image(entry.path())) files.insert(entry.path());
  }
  if (files.empty()) throw Error(folder.string() + ": no image, expected PNG, JPEG or BMP files");
  return {files.begin(), files.end()};
}

std::vector<fs::path> real_images(const fs::path& data, const std::string& split) {
  if (!fs::exists(metadata_file(data))) {
    if (!split.empty())
      throw UsageError("--split " + split + ": " + data.string() + " has no metadata.jsonl with rows");
    return image_files(data);
  }
  std::vector<std::string> faults;
  std::vector<fs::path> files;
  std::set<std::string> names;
  for (const Row& row : scorable_rows(data, split, faults))
    if (names.insert(row.target_file_name).second) files.push_back(image_folder(data) / row.target_file_name);
  return files;
}

void scan_training_rows(const fs::path& data, const std::function<void(Row&&)>& on_row) {
  const auto ignore = [](RowFault&&) {};
  std::string split;
  const auto look = [&](Row&& row) {
    if (row.split == "train") split = row.split;
  };
  scan_metadata(data, look, ignore);
  bool found = false;
  const auto pass_on = [&](Row&& row) {
    if (row.split != split) return;
    found = true;
    on_row(std::move(row));
  };
  scan_metadata(data, pass_on, ignore);
  if (!found) throw Error(metadata_file(data).string() + ": no row of split 'train' or without a split");
}

std::vector<fs::path> training_images(const fs::path& data) {
  if (!fs::exists(metadata_file(data))) return image_files(data);
  std::vector<fs::path> files;
  std::set<std::string> names;
  scan_training_rows(data, [&](Row&& row) {
    if (names.insert(row.target_file_name).second) files.push_back(image_folder(data) / row.target_file_name);
  });
  return files;
}

Answers::Answers(fs::path folder) : folder_(std::move(folder)) {
  std::vector<Listed> all = listed_in(folder_);
  std::reverse(all.begin(), all.end());  // a later run's images stand behind those of earlier ones
  std::stable_sort(all.begin(), all.end(), [](const Listed& a, const Listed& b) { return a.k < b.k; });
  for (Listed& listed : all) listed_[listed.id].push_back(std::move(listed.file));
}

fs::path Answers::to(const std::string& id) const {
  for (const fs::path& file : listed(id))
    if (fs::exists(file)) return file;
  if (fs::path file = named_after(folder_, id); !file.empty()) return file;
  const std::string first = id + "-0";
  return listed_.count(first) == 0 ? named_after(folder_, first) : fs::path();
}

const std::vector<fs::path>& Answers::listed(const std::string& id) const {
  static const std::vector<fs::path> none;
  const auto found = listed_.find(id);
  return found == listed_.end() ? none : found->second;
}

AnsweredRows answered_rows(const fs::path& folder, const fs::path& data, const std::string& split) {
  AnsweredRows answered;
  const Answers answers(folder);
  for (Row& row : scorable_rows(data, split, answered.faults)) {
    const fs::path file = answers.to(row.id);
    if (file.empty()) {
      answered.missing.push_back(row.id);
      continue;
    }
    answered.rows.push_back(std::move(row));
    answered.images.push_back(file);
  }
  if (answered.rows.empty())
    throw Error(folder.string() + ": none of the " + std::to_string(answered.missing.size()) +
                " images is there, expected " + answered.missing.front() + ".png and so on");
  std::set<std::string> asked;
  std::set<fs::path> listed;
  for (const Row& row : answered.rows) {
    asked.insert(row.id);
    listed.insert(answers.listed(row.id).begin(), answers.listed(row.id).end());
  }
  for (const fs::path& file : image_files(folder)) {
    const std::string stem = file.stem().string();
    if (asked.count(stem) == 0 && asked.count(without_number(stem)) == 0 && listed.count(file) == 0)
      answered.unasked.push_back(file.lexically_relative(folder).string());
  }
  return answered;
}

}  // namespace cigli
