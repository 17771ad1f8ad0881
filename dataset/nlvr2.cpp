#include "dataset/nlvr2.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "dataset/image_scan.h"
#include "dataset/json_line.h"
#include "dataset/metadata.h"
#include "dataset/parallel.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/hash.h"
#include "runtime/interrupt.h"
#include "runtime/line_reader.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr double kMaxMegapixels = 64;

struct Nlvr2Example {
  std::int64_t line = 0;
  std::string identifier, sentence;
  std::string set;   // <split>-<set>
  std::string pair;  // <split>-<set>-<pair>, the stem of its images
  Json more = Json::object();
};

bool holds_of_pair(const Json& object) {
  const std::string label = string_member(object, "label");
  if (label != "True" && label != "False") throw Error("label \"" + label + "\", expected \"True\" or \"False\"");
  return label == "True";
}

bool is_word(const std::string& text, bool digits_alone) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (!digits_alone && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')));
  });
}

// Its parts come into names of files: nothing but letters and digits.
void take_identifier(Nlvr2Example& example, const std::string& identifier) {
  std::vector<std::string> parts{""};
  for (const char c : identifier) {
    if (c == '-')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  if (parts.size() != 4 || !is_word(parts[0], false) || !is_word(parts[1], true) || !is_word(parts[2], true) ||
      !is_word(parts[3], true) || identifier.size() > 100)
    throw Error("identifier \"" + identifier + "\", expected split-set-pair-sentence, as in dev-850-0-0");
  example.identifier = identifier;
  example.set = parts[0] + '-' + parts[1];
  example.pair = example.set + '-' + parts[2];
}

// Goes through the annotations; `on_kept` gets what is labelled true and passes the filter.
void scan_annotations(const fs::path& file, Nlvr2Filter filter, Nlvr2Report& report,
                      const std::function<void(Nlvr2Example&&)>& on_kept) {
  LineReader lines(file);
  std::unordered_set<std::string> seen;
  for (std::string line; lines.next(line);) {
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    ++report.counts.rows;
    Nlvr2Example example;
    example.line = lines.number();
    try {
      Json object = parse_json_line(line);
      take_identifier(example, string_member(object, "identifier"));
      example.sentence = string_member(object, "sentence");
      const bool holds = holds_of_pair(object);
      if (!seen.insert(example.identifier).second) throw Error("identifier " + example.identifier + " a second time");
      if (!holds) {
        ++report.counts.labelled_false;
      } else if (!keeps(filter, example.sentence)) {
        ++report.counts.filtered;
      } else {
        for (const char* key : {"synset", "left_url", "right_url"})
          if (const auto found = object.find(key); found != object.end() && found->is_string())
            example.more[key] = *found;
        on_kept(std::move(example));
      }
    } catch (const Error& error) {
      ++report.counts.malformed;
      report.skips.push_back({example.line, example.identifier, error.what()});
    }
  }
}

// Releases differ in their folders; the file name alone is unique.
std::unordered_map<std::string, fs::path> index_images(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw Error(folder.string() + ": no such folder, expected NLVR2's images");
  std::unordered_map<std::string, fs::path> index;
  constexpr auto skip = fs::directory_options::skip_permission_denied;
  for (const auto& entry : fs::recursive_directory_iterator(folder, skip)) {
    std::error_code loop;
    if (!entry.is_regular_file(loop) || loop || entry.path().extension() != ".png") continue;
    fs::path& held = index[entry.path().filename().string()];
    if (held.empty() || entry.path() < held) held = entry.path();
  }
  return index;
}

const char* extension_of(ImageFormat format) {
  switch (format) {
    case ImageFormat::png:
      return ".png";
    case ImageFormat::jpeg:
      return ".jpg";
    case ImageFormat::bmp:
      return ".bmp";
  }
  return "";
}

enum class ImageState { whole, missing, damaged };

// The two images of a pair: what was found, and their names below the dataset folder.
struct Images {
  std::string pair;
  std::array<ImageState, 2> states{};
  std::array<std::string, 2> names, faults;
};

void take_image(Images& images, int side, const std::unordered_map<std::string, fs::path>& index, const fs::path& out) {
  const std::string name = images.pair + "-img" + std::to_string(side) + ".png";
  const auto found = index.find(name);
  if (found == index.end()) {
    images.states[side] = ImageState::missing;
    images.faults[side] = "no image " + name;
    return;
  }
  try {
    const MappedFile file(found->second);
    const ImageHead head = scan_image(file.bytes(), found->second.string(), kMaxMegapixels, ScanDepth::whole);
    // Without the split's name: Hugging Face's loader would take `dev` or `test` in a file name for its split.
    images.names[side] = "images" + images.pair.substr(images.pair.find('-')).replace(0, 1, "/") + '-' +
                         std::to_string(side) + extension_of(head.format);
  } catch (const Error& error) {
    images.states[side] = ImageState::damaged;
    images.faults[side] = error.what();
    return;
  }
  link_or_copy(found->second, out / images.names[side]);
}

// Of each image set, the least of those that it shares photographs with (told by their addresses), or that these do.
std::map<std::string, std::string> joined_sets(const std::vector<Nlvr2Example>& examples) {
  std::map<std::string, std::string> lesser;
  const auto least = [&](std::string set) {
    while (lesser.at(set) != set) set = lesser.at(set);
    return set;
  };
  std::unordered_map<std::string, std::string> shown_by;  // of each photograph, the set that came first
  for (const Nlvr2Example& example : examples) {
    lesser.emplace(example.set, example.set);
    for (const char* side : {"left_url", "right_url"}) {
      const auto url = example.more.find(side);
      if (url == example.more.end()) continue;
      const std::string& first = shown_by.emplace(url->get<std::string>(), example.set).first->second;
      const std::string one = least(first), other = least(example.set);
      lesser[std::max(one, other)] = std::min(one, other);
    }
  }
  for (auto& [set, name] : lesser) name = least(set);
  return lesser;
}

std::string choose_split(const std::string& set, const Nlvr2Options& options) {
  if (!options.split.empty()) return options.split;
  const double position = static_cast<double>(stable_hash("nlvr2 " + set) >> 11) * 0x1p-53;  // uniform on [0, 1)
  return position < options.val_share ? "val" : "train";
}

// File names leave out the split's name, so that two of them would take each other's images.
void check_one_release(const std::vector<Nlvr2Example>& examples, const fs::path& annotations) {
  const auto release = [](const Nlvr2Example& example) { return example.set.substr(0, example.set.find('-')); };
  for (const Nlvr2Example& example : examples)
    if (release(example) != release(examples.front()))
      throw Error(annotations.string() + ":" + std::to_string(example.line) + ": identifier " + example.identifier +
                  " beside those of \"" + release(examples.front()) + "\", expected one split's rows a file");
}

Row make_row(const Nlvr2Example& example, const std::string& split, const Images& images, int side) {
  Row row;
  const std::string name = side == 0 ? "left" : "right";
  row.id = example.identifier + '-' + name;
  row.text = example.sentence;
  row.prompt_file_name = images.names[1 - side];
  row.target_file_name = images.names[side];
  row.split = split;
  row.object = {{"id", row.id},
                {"text", row.text},
                {"prompt_file_name", row.prompt_file_name},
                {"target_file_name", row.target_file_name},
                {"split", row.split},
                {"source", "nlvr2"},
                {"identifier", example.identifier},
                {"side", name}};
  row.object.update(example.more);
  return row;
}

// Of each pair of images once, however many sentences it has.
std::map<std::string, Images> take_images(const std::vector<Nlvr2Example>& examples, const fs::path& folder,
                                          const fs::path& out, std::int64_t workers) {
  const auto index = index_images(folder);
  std::map<std::string, Images> all;
  for (const Nlvr2Example& example : examples) all[example.pair].pair = example.pair;
  std::vector<Images*> list;
  for (auto& [pair, images] : all) list.push_back(&images);
  make_folder(out / "images");
  const InterruptGuard guard;
  for_each_parallel(static_cast<std::int64_t>(list.size()), workers, [&](std::int64_t i) {
    if (InterruptGuard::requested())
      throw Interrupted(out.string() + ": import interrupted; no metadata.jsonl was written");
    for (const int side : {0, 1}) take_image(*list[static_cast<std::size_t>(i)], side, index, out);
  });
  return all;
}

void write_skips(const fs::path& file, const std::vector<Nlvr2Skip>& skips) {
  write_file(file, [&](const ByteSink& sink) {
    for (const Nlvr2Skip& skip : skips) {
      const Json object = {{"line", skip.line}, {"identifier", skip.identifier}, {"reason", skip.reason}};
      const std::string line = object.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
      sink(line.data(), line.size());
    }
  });
}

}  // namespace

void Nlvr2Options::visit(Fields& f) {
  f("filter", filter,
    "sentences to keep: published (CIGLI's phrase lists as released), corrected (without their slip), "
    "none (all)",
    Choices{{"published", "corrected", "none"}});
  f("side", side, "image to be drawn: right, left, or both (a pair each)", Choices{{"right", "left", "both"}});
  f("split", split, "put all rows into this split; default: train or val, by image set");
  f("val_share", val_share, "share of the image sets that go to val, without --split", Range{0, 1});
  f("workers", workers, "threads, 0: all cores", Range{0, 1024});
}

Nlvr2Report list_nlvr2(const fs::path& annotations, Nlvr2Filter filter,
                       const std::function<void(const std::string& identifier)>& on_kept) {
  Nlvr2Report report;
  scan_annotations(annotations, filter, report, [&](Nlvr2Example&& example) {
    ++report.counts.kept;
    on_kept(example.identifier);
  });
  return report;
}

Nlvr2Report import_nlvr2(const fs::path& annotations, const fs::path& images, const fs::path& out,
                         const Nlvr2Options& options) {
  if (fs::exists(out / "metadata.jsonl"))
    throw Error((out / "metadata.jsonl").string() + ": the folder holds a dataset already; expected a new folder");
  Nlvr2Report report;
  std::vector<Nlvr2Example> examples;
  scan_annotations(annotations, nlvr2_filter_named(options.filter), report,
                   [&](Nlvr2Example&& example) { examples.push_back(std::move(example)); });
  check_one_release(examples, annotations);
  const auto found = take_images(examples, images, out, options.workers);
  const auto sets = joined_sets(examples);

  std::vector<Row> rows;
  for (const Nlvr2Example& example : examples) {
    const Images& both = found.at(example.pair);
    const auto is = [&](ImageState state) { return both.states[0] == state || both.states[1] == state; };
    if (is(ImageState::missing) || is(ImageState::damaged)) {
      ++(is(ImageState::missing) ? report.counts.missing_images : report.counts.damaged_images);
      const std::string between = both.faults[0].empty() || both.faults[1].empty() ? "" : "; ";
      report.skips.push_back({example.line, example.identifier, both.faults[0] + between + both.faults[1]});
      continue;
    }
    ++report.counts.kept;
    const std::string split = choose_split(sets.at(example.set), options);
    if (options.side != "left") rows.push_back(make_row(example, split, both, 1));
    if (options.side != "right") rows.push_back(make_row(example, split, both, 0));
  }
  report.pairs = static_cast<std::int64_t>(rows.size());
  std::stable_sort(report.skips.begin(), report.skips.end(),
                   [](const Nlvr2Skip& a, const Nlvr2Skip& b) { return a.line < b.line; });
  write_skips(out / "skipped.jsonl", report.skips);
  if (rows.empty())
    throw Error(annotations.string() + ": none of its " + std::to_string(report.counts.rows) +
                " rows could be imported" + (report.skips.empty() ? "" : "; first: " + report.skips.front().reason));
  write_metadata(out, rows);
  return report;
}

Json to_json(const Nlvr2Report& report) {
  const Nlvr2Counts& counts = report.counts;
  return {{"rows", counts.rows},
          {"malformed", counts.malformed},
          {"labelled_false", counts.labelled_false},
          {"filtered", counts.filtered},
          {"missing_images", counts.missing_images},
          {"damaged_images", counts.damaged_images},
          {"kept", counts.kept},
          {"pairs", report.pairs}};
}

}  // namespace cigli
