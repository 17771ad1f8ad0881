#include "dataset/nlvr1.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <unordered_map>

#include "dataset/caption.h"
#include "dataset/image.h"
#include "dataset/json_line.h"
#include "dataset/metadata.h"
#include "dataset/parallel.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/hash.h"
#include "runtime/interrupt.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::array<std::array<int, 3>, 6> kOrders = {
    {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}};

struct Nlvr1Example {
  std::int64_t line = 0;
  std::string identifier, sentence;
  Json boxes;  // structured_rep, or null
};

// `<folder's name>.json`, or the only JSON file of the folder.
fs::path find_annotations(const fs::path& source) {
  if (!fs::is_directory(source)) throw Error(source.string() + ": no such folder, expected an unpacked NLVR v1 split");
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(source))
    if (entry.path().extension() == ".json") found.push_back(entry.path());
  const fs::path named = fs::canonical(source).filename();
  for (const fs::path& file : found)
    if (file.stem() == named) return file;
  if (found.size() != 1)
    throw Error(source.string() + ": " + std::to_string(found.size()) + " JSON files, expected one, as in nlvr/dev");
  return found.front();
}

// Released splits differ in their folders, and the hidden one names none: the file name alone is unique.
std::unordered_map<std::string, fs::path> index_boxes(const fs::path& source) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(source))
    if (entry.path().extension() == ".png") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::unordered_map<std::string, fs::path> index;
  for (const fs::path& file : files) index.emplace(file.filename().string(), file);
  return index;
}

bool labelled_true(const Json& object) {
  const auto label = object.find("label");
  if (label != object.end() && label->is_boolean()) return label->get<bool>();
  const std::string text = string_member(object, "label");
  if (text != "true" && text != "false") throw Error("label \"" + text + "\", expected \"true\" or \"false\"");
  return text == "true";
}

Nlvr1Example parse_example(const Json& object) {
  Nlvr1Example example;
  example.identifier = string_member(object, "identifier");
  example.sentence = string_member(object, "sentence");
  if (example.identifier.find_first_not_of("0123456789-") != std::string::npos || example.identifier.empty())
    throw Error("identifier \"" + example.identifier + "\", expected digits, as in 12-0");
  const auto boxes = object.find("structured_rep");
  if (boxes != object.end() && boxes->is_array() && boxes->size() == 3) example.boxes = *boxes;
  return example;
}

// The examples labelled true.
std::vector<Nlvr1Example> read_examples(const fs::path& file, ImportReport& report) {
  std::istringstream lines(read_file(file));
  std::vector<Nlvr1Example> examples;
  std::set<std::string> seen;
  std::int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      const Json object = parse_json_line(line);
      if (!labelled_true(object)) continue;
      Nlvr1Example example = parse_example(object);
      example.line = number;
      if (!seen.insert(example.identifier).second) throw Error("duplicate identifier " + example.identifier);
      examples.push_back(std::move(example));
    } catch (const Error& error) {
      report.reasons.push_back(file.string() + ":" + std::to_string(number) + ": " + error.what());
    }
  }
  return examples;
}

// Different numbers may have one sentence.
std::string choose_split(const std::string& sentence, const Nlvr1Options& options) {
  if (!options.split.empty()) return options.split;
  std::string group = "nlvr1";
  for (const std::string& word : caption_words(sentence)) group += ' ' + word;
  const double position = static_cast<double>(stable_hash(group) >> 11) * 0x1p-53;  // uniform on [0, 1)
  return position < options.val_share ? "val" : "train";
}

Row make_row(const Nlvr1Example& example, int k, const std::string& stem, const Nlvr1Options& options) {
  Row row;
  const std::string number = example.identifier + "-" + std::to_string(k);
  row.id = stem + "-" + number;
  row.text = example.sentence;
  // Without the split's name: Hugging Face's loader would take `dev` or `test` in a file name for its split.
  row.prompt_file_name = "prompts/" + number + ".png";
  row.target_file_name = "targets/" + number + ".png";
  row.split = choose_split(example.sentence, options);
  row.object = {{"id", row.id},
                {"text", row.text},
                {"prompt_file_name", row.prompt_file_name},
                {"target_file_name", row.target_file_name},
                {"split", row.split},
                {"source", "nlvr1"},
                {"identifier", example.identifier},
                {"order", kOrders[k]}};
  if (!example.boxes.is_null())
    for (const int box : kOrders[k]) row.object["structured_rep"].push_back(example.boxes[box]);
  return row;
}

Image columns(const Image& image, std::int64_t from, std::int64_t count) {
  Image part(count, image.height);
  for (std::int64_t y = 0; y < image.height; ++y) std::copy_n(image.at(from, y), 3 * count, part.at(0, y));
  return part;
}

Image read_boxes(const fs::path& file) {
  Image image = read_image(file);
  if (image.width != 400 || image.height != 100)
    throw Error(file.string() + ": " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                " pixels, expected 400x100");
  return image;
}

}  // namespace

void Nlvr1Options::visit(Fields& f) {
  f("split", split, "put all rows into this split; default: train or val, by the sentence");
  f("val_share", val_share, "share of the sentences that go to val, without --split", Range{0, 1});
  f("workers", workers, "threads, 0: all cores", Range{0, 1024});
}

ImportReport import_nlvr1(const fs::path& source, const fs::path& out, const Nlvr1Options& options) {
  if (fs::exists(out / "metadata.jsonl"))
    throw Error((out / "metadata.jsonl").string() + ": the folder holds a dataset already; expected a new folder");
  ImportReport report;
  const fs::path annotations = find_annotations(source);
  const std::string stem = annotations.stem().string();
  const std::vector<Nlvr1Example> examples = read_examples(annotations, report);
  const auto images = index_boxes(source);
  make_folder(out / "prompts");
  make_folder(out / "targets");

  const auto all = static_cast<std::int64_t>(examples.size() * kOrders.size());
  std::vector<Row> rows(all);
  std::vector<std::string> faults(all);
  const InterruptGuard guard;
  for_each_parallel(all, options.workers, [&](std::int64_t i) {
    if (InterruptGuard::requested())
      throw Interrupted(out.string() + ": import interrupted; no metadata.jsonl was written");
    const Nlvr1Example& example = examples[i / 6];
    rows[i] = make_row(example, static_cast<int>(i % 6), stem, options);
    const auto image = images.find(rows[i].id + ".png");
    Image boxes;
    try {
      if (image == images.end()) throw Error("no image " + rows[i].id + ".png below " + source.string());
      boxes = read_boxes(image->second);
    } catch (const Error& error) {
      faults[i] = annotations.string() + ":" + std::to_string(example.line) + ": " + error.what();
      return;
    }
    write_png_unsynced(out / rows[i].prompt_file_name, columns(boxes, 0, 250));
    write_png_unsynced(out / rows[i].target_file_name, columns(boxes, 300, 100));
  });

  std::vector<Row> kept;
  for (std::int64_t i = 0; i < all; ++i) {
    if (faults[i].empty())
      kept.push_back(std::move(rows[i]));
    else
      report.reasons.push_back(std::move(faults[i]));
  }
  report.pairs = static_cast<std::int64_t>(kept.size());
  report.skipped = static_cast<std::int64_t>(report.reasons.size());
  if (kept.empty())
    throw Error(source.string() + ": no pair could be imported" +
                (report.reasons.empty() ? "" : "; first: " + report.reasons.front()));
  write_metadata(out, kept);
  return report;
}

}  // namespace cigli
