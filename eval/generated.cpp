#include "eval/generated.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "eval/rows.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/line_reader.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEndings[] = {".png", ".jpg", ".jpeg", ".bmp", ".PNG", ".JPG", ".JPEG", ".BMP"};

bool is_image(const fs::path& file) {
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::find(std::begin(kEndings), std::end(kEndings), ending) != std::end(kEndings);
}

// "ID-3", one of several images of a row, to "ID".
std::string without_number(const std::string& stem) {
  const auto dash = stem.rfind('-');
  const bool numbered = dash != std::string::npos && dash + 1 < stem.size() &&
                        stem.find_first_not_of("0123456789", dash + 1) == stem.npos;
  return numbered ? stem.substr(0, dash) : stem;
}

}  // namespace

std::vector<fs::path> image_files(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw Error(folder.string() + ": no such folder, expected images");
  std::vector<fs::path> files;
  const fs::path results = folder / "results.jsonl";
  if (fs::exists(results)) {
    LineReader lines(results);
    std::int64_t number = 0;
    for (std::string line; lines.next(line);) {
      const std::string where = results.string() + ":" + std::to_string(++number);
      const auto row = nlohmann::json::parse(line, nullptr, false);
      if (!row.is_object() || !row.contains("file") || !row["file"].is_string()) continue;  // cut short by a kill
      files.push_back(join_inside(folder, row["file"].get<std::string>(), where));
    }
  } else {
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file() && is_image(entry.path())) files.push_back(entry.path());
  }
  if (files.empty()) throw Error(folder.string() + ": no image, expected PNG, JPEG or BMP files");
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> real_images(const fs::path& data, const std::string& split) {
  if (!fs::exists(metadata_file(data))) return image_files(data);
  std::vector<std::string> faults;
  std::vector<fs::path> files;
  std::set<std::string> names;
  for (const Row& row : scorable_rows(data, split, faults))
    if (names.insert(row.target_file_name).second)
      files.push_back(metadata_file(data).parent_path() / row.target_file_name);
  return files;
}

fs::path answer_to(const fs::path& folder, const std::string& id) {
  for (const std::string& stem : {id, id + "-0"})
    for (const char* ending : kEndings)
      if (const fs::path file = folder / (stem + ending); fs::exists(file)) return file;
  return {};
}

AnsweredRows answered_rows(const fs::path& folder, const fs::path& data, const std::string& split) {
  AnsweredRows answered;
  for (Row& row : scorable_rows(data, split, answered.faults)) {
    const fs::path file = answer_to(folder, row.id);
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
  for (const Row& row : answered.rows) asked.insert(row.id);
  for (const fs::path& file : image_files(folder))
    if (asked.count(file.stem().string()) == 0 && asked.count(without_number(file.stem().string())) == 0 &&
        file.filename() != "contact.png")
      answered.unasked.push_back(file.lexically_relative(folder).string());
  return answered;
}

}  // namespace cigli
