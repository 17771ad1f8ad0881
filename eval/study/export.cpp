#include "eval/study/export.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>

#include "dataset/fit.h"
#include "dataset/image.h"
#include "dataset/metadata.h"
#include "eval/generated.h"
#include "eval/rows.h"
#include "eval/study/adapters.h"
#include "eval/study/design.h"
#include "eval/study/packet.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/hash.h"
#include "runtime/line_reader.h"
#include "runtime/philox.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRealSystem = "real";

fs::path without_slash(const fs::path& folder) {
  const fs::path normal = folder.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

fs::path unfinished(fs::path folder) { return folder += ".unfinished"; }

// NAME=FOLDER
std::pair<std::string, fs::path> named_folder(const std::string& option, const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == word.size())
    throw UsageError("--" + option + " " + word + ": expected NAME=FOLDER");
  return {word.substr(0, equals), word.substr(equals + 1)};
}

std::vector<StudySystem> systems_of(const StudyExportOptions& options) {
  std::vector<StudySystem> systems;
  std::set<std::string> names;
  const auto add = [&](StudySystem system) {
    if (!fs::is_directory(system.folder)) throw Error(system.folder.string() + ": no such folder");
    if (!names.insert(system.name).second) throw UsageError("two systems are named " + system.name);
    systems.push_back(std::move(system));
  };
  for (const std::string& word : options.system) {
    const auto [name, folder] = named_folder("system", word);
    if (name == kRealSystem) throw UsageError("--system " + word + ": the name real is the dataset's own targets'");
    add({name, folder, "", "", false});
  }
  for (const std::string& word : options.ablation) {
    const auto [name, folder] = named_folder("ablation", word);
    const std::size_t colon = name.rfind(':');
    const std::string of = name.substr(0, colon), swapped = colon == std::string::npos ? "" : name.substr(colon + 1);
    if ((swapped != "text" && swapped != "image") || names.count(of) == 0)
      throw UsageError("--ablation " + word + ": expected NAME:text=FOLDER or NAME:image=FOLDER, NAME a --system");
    add({name, folder, of, swapped, false});
  }
  return systems;
}

// Which systems stand beside each other, or alone.
std::vector<std::vector<std::string>> comparisons_of(const std::vector<StudySystem>& systems,
                                                     const StudyExportOptions& options) {
  std::vector<std::vector<std::string>> all;
  const bool pairs = options.mode == "pairs";
  for (std::size_t i = 0; i < systems.size(); ++i) {
    if (!pairs) all.push_back({systems[i].name});
    if (pairs && !systems[i].of.empty()) all.push_back({systems[i].of, systems[i].name});
    for (std::size_t j = i + 1; pairs && j < systems.size() && systems[j].of.empty(); ++j)
      if (options.baseline.empty() || systems[i].name == options.baseline || systems[j].name == options.baseline)
        all.push_back({systems[i].name, systems[j].name});
  }
  if (options.mode == "real") all.push_back({kRealSystem});
  return all;
}

void check_options(const StudyExportOptions& options, const std::vector<StudySystem>& systems) {
  const auto main = std::count_if(systems.begin(), systems.end(), [](const StudySystem& s) { return s.of.empty(); });
  if (options.mode == "pairs" && main < 2 && options.ablation.empty())
    throw UsageError("a study of pairs takes two systems or more, or an --ablation");
  if (main < 1) throw UsageError("a study takes a --system NAME=FOLDER");
  if (options.mode != "pairs" && !options.baseline.empty())
    throw UsageError("--baseline is of pairs, and --mode " + options.mode + " shows one image");
  if ((options.design == "against-baseline") != !options.baseline.empty())
    throw UsageError("--baseline NAME and --design against-baseline go together");
  const auto is_baseline = [&](const StudySystem& s) { return s.name == options.baseline && s.of.empty(); };
  if (!options.baseline.empty() && std::none_of(systems.begin(), systems.end(), is_baseline))
    throw UsageError("--baseline " + options.baseline + " is no --system");
  if (options.adapter.empty() != options.host.empty())
    throw UsageError("--adapter NAME and --host ADDRESS, where the packet will lie, go together");
  const bool address = options.host.rfind("https://", 0) == 0 || options.host.rfind("http://", 0) == 0;
  if (!options.host.empty() && (!address || options.host.find_first_of("?#\"<> ") != std::string::npos))
    throw UsageError("--host " + options.host + ": expected an address as https://example.org/study");
  const std::string adapted = options.adapter.empty() ? "" : adapter_folder(options).string();
  for (const auto& [made, what] : {std::pair(options.out, "a new folder"), std::pair(options.key, "a new file"),
                                   std::pair(adapted, "a new folder")})
    if (!made.empty() && fs::exists(made)) throw Error(made + ": is there already, expected " + what);
  const auto inside = fs::weakly_canonical(options.key).lexically_relative(fs::weakly_canonical(options.out));
  if (!inside.empty() && *inside.begin() != "..")
    throw UsageError("--key " + options.key + ": lies in the packet, which raters see");
  check_output(options.key);
}

// Model and seed by image, as results.jsonl has them.
std::map<std::string, nlohmann::json> results_of(const fs::path& folder) {
  std::map<std::string, nlohmann::json> results;
  if (!fs::exists(folder / "results.jsonl")) return results;
  LineReader lines(folder / "results.jsonl");
  for (std::string line; lines.next(line);) {
    nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_object() && json.contains("file") && json["file"].is_string()) results[json["file"]] = json;
  }
  return results;
}

// A system's folder.
struct AnsweringFolder {
  explicit AnsweringFolder(const StudySystem& system) : answers(system.folder), results(results_of(system.folder)) {}
  Answers answers;
  std::map<std::string, nlohmann::json> results;
};

// Small blocks of an image in an order of chance: nothing of what it showed is left.
Image scrambled(const Image& image, Philox& random) {
  const std::int64_t block = std::max<std::int64_t>(1, std::min(image.width, image.height) / 16);
  const std::int64_t across = image.width / block, down = image.height / block;
  std::vector<std::int64_t> order(static_cast<std::size_t>(across * down));
  std::iota(order.begin(), order.end(), 0);
  shuffle(order, random);
  Image result = image;
  for (std::int64_t to = 0; to < across * down; ++to) {
    const std::int64_t from = order[static_cast<std::size_t>(to)];
    for (std::int64_t y = 0; y < block; ++y)
      std::copy_n(image.at(from % across * block, from / across * block + y), block * 3,
                  result.at(to % across * block, to / across * block + y));
  }
  return result;
}

class Exporter {
 public:
  Exporter(const StudyExportOptions& options, const std::function<void(std::int64_t)>& on_progress)
      : options_(options), on_progress_(on_progress), text_(read_study_text(options.text)) {
    key_.mode = packet_.mode = study_mode_named(options.mode);
    key_.data = options.data;
    key_.split = options.split;
    key_.seed = static_cast<std::uint64_t>(options.seed);
    key_.raters = options.raters;
    key_.exclusion = options.exclusion;
    key_.systems = systems_of(options);
    check_options(options, key_.systems);
    key_.comparisons = comparisons_of(key_.systems, options);
    packet_.language = text_.language;
    packet_.texts = text_.texts;
    if (options.adapter == "prolific" && packet_.texts.at("completion_url").empty())
      packet_.texts["completion_url"] = prolific_completion_url();
    packet_.questions = key_.questions = text_.questions(packet_.mode);
    if (packet_.questions.empty())
      throw Error(options.text + ": has no questions [[" + std::string(options.mode) + "]]");
  }

  StudyExport run() {
    const fs::path final = without_slash(options_.out), adapted = adapter_folder(options_);
    folder_ = unfinished(final);
    fs::remove_all(folder_);
    make_folder(folder_ / "img");
    try {
      draw_items();
      plan();
      packet_.hash = key_.packet = hash_of(to_json(packet_), digests_);
      add_codes();
      packet_.hash = key_.packet = hash_of(to_json(packet_), digests_);
      write_study_packet(folder_, packet_);
      if (!options_.adapter.empty()) {
        fs::remove_all(unfinished(adapted));
        write_adapter(options_.adapter, unfinished(adapted), packet_, options_.host);
      }
      write_study_key(options_.key, key_);
      if (!options_.adapter.empty()) fs::rename(unfinished(adapted), adapted);
      fs::rename(folder_, final);
    } catch (...) {
      fs::remove_all(folder_);
      if (!options_.adapter.empty()) fs::remove_all(unfinished(adapted));
      fs::remove(options_.key);
      throw;
    }
    return made_;
  }

 private:
  // The rows that all answer, in an order of chance.
  std::vector<Row> shared_rows() {
    std::vector<std::string> faults;
    std::vector<Row> rows = scorable_rows(options_.data, options_.split, faults);
    made_.left_out = faults;
    for (const StudySystem& system : key_.systems) folders_.emplace(system.name, AnsweringFolder(system));
    std::map<std::string, std::int64_t> answered;
    std::vector<Row> shared;
    std::int64_t by_some = 0;
    for (Row& row : rows) {
      std::int64_t count = 0;
      for (const auto& [name, folder] : folders_)
        if (!folder.answers.to(row.id).empty()) {
          ++answered[name];
          ++count;
        }
      by_some += count > 0;
      if (count == static_cast<std::int64_t>(folders_.size())) shared.push_back(std::move(row));
    }
    for (const StudySystem& system : key_.systems)
      if (answered[system.name] < by_some)
        made_.unshared.push_back(system.folder.string() + " answers " + std::to_string(answered[system.name]) + " of " +
                                 std::to_string(by_some) + " rows that some system answers");
    if (options_.strict && !made_.unshared.empty()) throw Error(made_.unshared.front() + " (--strict)");
    if (shared.empty()) throw Error(options_.data + ": no row is answered by all systems");
    Philox random(key_.seed, 1);
    shuffle(shared, random);
    return shared;
  }

  void draw_items() {
    const fs::path metadata = metadata_file(options_.data);
    std::vector<Row> rows = shared_rows();
    // Names come from the images themselves too, so that the seed alone does not give them away.
    Sha256 salt;
    for (const Row& row : rows) {
      const std::string digest = sha256_file(folders_.at(key_.systems[0].name).answers.to(row.id));
      salt.update(digest.data(), digest.size());
    }
    names_ = Philox(stable_hash(salt.hex() + std::to_string(key_.seed)), 2);
    std::size_t drawn = 0;
    for (; drawn < rows.size() && static_cast<std::int64_t>(key_.items.size()) < options_.items; ++drawn) {
      const Row& row = rows[drawn];
      try {
        add_item(row, metadata);
      } catch (const Error& error) {
        const std::string fault =
            metadata.string() + ":" + std::to_string(row.line) + ": row \"" + row.id + "\": " + error.what();
        if (options_.strict) throw Error(fault + " (--strict)");
        made_.left_out.push_back(fault);
      }
      if (on_progress_) on_progress_(static_cast<std::int64_t>(key_.items.size()));
    }
    made_.items = static_cast<std::int64_t>(key_.items.size());
    if (made_.items < options_.items)
      throw Error(options_.data + ": " + std::to_string(made_.items) + " rows can be shown, --items asks for " +
                  std::to_string(options_.items) +
                  (made_.left_out.empty() ? "" : "; the first that can't: " + made_.left_out.front()));
    rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(drawn));
    draw_examples(rows);
    made_.examples = static_cast<std::int64_t>(packet_.examples.size());
  }

  // Of rows that are no items, each with its own target and the next row's: what to prefer, or what to rate how. None
  // to tell real images from generated ones.
  void draw_examples(const std::vector<Row>& rows) {
    if (packet_.mode == StudyMode::real) return;
    const fs::path folder = metadata_file(options_.data).parent_path();
    for (std::size_t i = 0; i + 1 < rows.size(); i += 2) {
      if (static_cast<std::int64_t>(packet_.examples.size()) == options_.examples) return;
      const Row &row = rows[i], &other = rows[i + 1];
      if (row.text == other.text || row.target_file_name == other.target_file_name) continue;
      try {
        add_example(row, folder / row.prompt_file_name, folder / row.target_file_name, folder / other.target_file_name);
      } catch (const Error&) {  // the next rows do as well
      }
    }
  }

  void add_example(const Row& row, const fs::path& prompt, const fs::path& target, const fs::path& other) {
    const Image asked = read_image(prompt), good = read_image(target);
    const Image bad = fit(read_image(other), good.width, good.height);
    const bool odd = packet_.examples.size() % 2 == 1;
    const auto put = [&](const Image& image, const fs::path& file) {
      return write(image, {"", row.id, file, sha256_file(file), "", ""});
    };
    StudyTrial example{row.text, put(asked, prompt), {}, ""};
    if (packet_.mode == StudyMode::pairs) {
      example.images = {put(odd ? bad : good, odd ? other : target), put(odd ? good : bad, odd ? target : other)};
      example.instruction = text_.texts.at(odd ? "example_right" : "example_left");
    } else {
      example.images = {put(odd ? bad : good, odd ? other : target)};
      example.instruction = text_.texts.at(odd ? "example_no" : "example_yes");
    }
    packet_.examples.push_back(example);
  }

  struct Candidate {
    std::string system;
    fs::path file;
    Image image;
  };

  // Reads all of its images before it writes one.
  void add_item(const Row& row, const fs::path& metadata) {
    const fs::path prompt = metadata.parent_path() / row.prompt_file_name,
                   target = metadata.parent_path() / row.target_file_name;
    std::vector<Candidate> candidates;
    for (const StudySystem& system : key_.systems) {
      const fs::path file = folders_.at(system.name).answers.to(row.id);
      candidates.push_back({system.name, file, read_image(file)});
    }
    const Image shown_prompt = read_image(prompt);
    candidates.push_back({kRealSystem, target, read_image(target)});  // of the mode real, and for checks
    std::int64_t width = 0, height = 0;
    for (const Candidate& candidate : candidates)
      if (candidate.system != kRealSystem && candidate.image.width * candidate.image.height > width * height) {
        width = candidate.image.width;
        height = candidate.image.height;
      }
    targets_.push_back({target, width, height});
    prompts_.push_back(write(shown_prompt, {"", row.id, prompt, sha256_file(prompt), "", ""}));
    const bool real = packet_.mode == StudyMode::real;
    auto& images = candidates_.emplace_back();
    for (const Candidate& candidate : candidates) {
      const Image shown = fit(candidate.image, width, height);
      if (candidate.system == kRealSystem && !real) continue;
      StudyImage origin{candidate.system, row.id, candidate.file, sha256_file(candidate.file), "", ""};
      if (candidate.system != kRealSystem) add_provenance(origin);
      images[candidate.system] = write(shown, origin);
    }
    key_.items.push_back({row.id, row.line, row.text, prompts_.back()});
  }

  void add_provenance(StudyImage& image) const {
    const auto& results = folders_.at(image.system).results;
    const auto found = results.find(image.file.filename().string());
    const auto text = [](const nlohmann::json& value) {
      return value.is_string() ? value.get<std::string>() : value.dump();
    };
    if (found != results.end()) {
      if (found->second.contains("model")) image.model = text(found->second["model"]);
      if (found->second.contains("seed")) image.seed = text(found->second["seed"]);
      return;
    }
    try {
      const TextChunks chunks = read_png_text(image.file);
      if (const auto model = chunks.find("model"); model != chunks.end()) image.model = model->second;
      if (const auto seed = chunks.find("seed"); seed != chunks.end()) image.seed = seed->second;
    } catch (const Error&) {  // no PNG: says nothing of its making
    }
  }

  // Under a name of chance; the name.
  std::string write(const Image& image, const StudyImage& origin) {
    constexpr char digits[] = "0123456789abcdef";
    std::string name;
    do {
      name = "img/";
      for (int i = 0; i < 16; ++i) name += digits[names_.below(16)];
      name += ".png";
    } while (key_.images.count(name) > 0);
    write_png_unsynced(folder_ / name, image);
    digests_[name] = sha256_file(folder_ / name);
    key_.images[name] = origin;
    return name;
  }

  std::string answer_label(const std::string& answer) const {
    for (const StudyAnswer& known : packet_.questions[0].answers)
      if (known.key == answer) return known.label;
    return answer;
  }

  StudyTrial shown(std::int64_t item) const {
    const auto at = static_cast<std::size_t>(item);
    return {key_.items[at].sentence, prompts_[at], {}, ""};
  }

  std::pair<StudyTrial, StudyTrialKey> comparison(const PlannedTrial& planned) const {
    StudyTrial trial = shown(planned.item);
    std::vector<std::string> systems = key_.comparisons[static_cast<std::size_t>(planned.comparison)];
    if (planned.swapped) std::reverse(systems.begin(), systems.end());
    for (const std::string& system : systems)
      trial.images.push_back(candidates_[static_cast<std::size_t>(planned.item)].at(system));
    return {trial, {"judged", key_.items[static_cast<std::size_t>(planned.item)].id, systems, trial.images, ""}};
  }

  // The least and the most that can be answered, in pairs left and right.
  std::pair<std::string, std::string> ends() const {
    const auto& answers = packet_.questions[0].answers;
    if (packet_.mode == StudyMode::single) return {answers.front().key, answers.back().key};
    return packet_.mode == StudyMode::pairs ? std::pair<std::string, std::string>{"left", "right"}
                                            : std::pair<std::string, std::string>{"real", "generated"};
  }

  std::pair<StudyTrial, StudyTrialKey> attention(PlannedTrial planned) {
    const std::string expected = planned.swapped ? ends().second : ends().first;
    planned.swapped = names_.below(2) == 1;  // which image is left tells nothing, here either
    auto [trial, key] = comparison(planned);
    trial.instruction = text_.texts.at("attention");
    const std::string place = "{answer}";
    if (const std::size_t at = trial.instruction.find(place); at != std::string::npos)
      trial.instruction.replace(at, place.size(), answer_label(expected));
    return {trial, {"attention", key.item, {}, trial.images, expected}};
  }

  std::pair<StudyTrial, StudyTrialKey> catch_pair(const PlannedTrial& planned) {
    StudyTrial trial = shown(planned.item);
    const Target& shape = targets_[static_cast<std::size_t>(planned.item)];
    const Image target = fit(read_image(shape.file), shape.width, shape.height);
    const StudyItem& item = key_.items[static_cast<std::size_t>(planned.item)];
    const auto put = [&](const Image& image) {
      trial.images.push_back(write(image, {"", item.id, shape.file, sha256_file(shape.file), "", ""}));
    };
    Philox random(key_.seed, 1000 + static_cast<std::uint64_t>(key_.images.size()));
    std::string expected;
    if (packet_.mode == StudyMode::pairs) {
      put(planned.swapped ? scrambled(target, random) : target);
      put(planned.swapped ? target : scrambled(target, random));
      expected = planned.swapped ? "right" : "left";
    } else {
      put(scrambled(target, random));
      expected = packet_.mode == StudyMode::single ? ends().first : "generated";
    }
    return {trial, {"catch", item.id, {}, trial.images, expected}};
  }

  // Trials in an order of chance, so that their numbers tell nothing.
  void plan() {
    StudyDesignOptions design;
    design.items = made_.items;
    design.comparisons = static_cast<std::int64_t>(key_.comparisons.size());
    design.sides = packet_.mode == StudyMode::pairs;
    design.raters = options_.raters;
    design.items_per_rater = options_.items_per_rater;
    design.attention = options_.attention;
    design.catches = options_.catches;
    design.repeats = options_.repeats;
    design.seed = stable_hash(std::to_string(names_.next()) + std::to_string(key_.seed));
    const auto lists = design_study(design);
    std::map<std::tuple<std::int64_t, std::int64_t, bool>, std::int64_t> known;
    std::vector<std::pair<StudyTrial, StudyTrialKey>> trials;
    std::vector<std::vector<std::int64_t>> numbered;
    for (const auto& list : lists) {
      std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> first;  // place of a comparison of an item
      auto& numbers = numbered.emplace_back();
      auto& repeats = key_.repeats.emplace_back();
      for (const PlannedTrial& planned : list) {
        const auto position = static_cast<std::int64_t>(numbers.size());
        const bool judged = planned.kind == TrialKind::judged || planned.kind == TrialKind::repeat;
        const auto next = static_cast<std::int64_t>(trials.size());
        if (planned.kind == TrialKind::judged) first[{planned.item, planned.comparison}] = position;
        if (planned.kind == TrialKind::repeat) repeats[position] = first.at({planned.item, planned.comparison});
        if (judged) {
          const auto [same, added] = known.emplace(std::tuple(planned.item, planned.comparison, planned.swapped), next);
          if (added) trials.push_back(comparison(planned));
          numbers.push_back(same->second);
        } else {
          trials.push_back(planned.kind == TrialKind::attention ? attention(planned) : catch_pair(planned));
          numbers.push_back(next);
        }
      }
    }
    std::vector<std::size_t> order(trials.size()), place(trials.size());
    std::iota(order.begin(), order.end(), 0);
    shuffle(order, names_);
    for (std::size_t i = 0; i < order.size(); ++i) {
      place[order[i]] = i;
      packet_.trials.push_back(trials[order[i]].first);
      key_.trials.push_back(trials[order[i]].second);
    }
    for (auto& list : numbered) {
      for (std::int64_t& trial : list) trial = static_cast<std::int64_t>(place[static_cast<std::size_t>(trial)]);
      packet_.lists.push_back(list);
      key_.lists.push_back(list);
    }
    const auto [shortest, longest] = std::minmax_element(
        numbered.begin(), numbered.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
    made_.lists = static_cast<std::int64_t>(numbered.size());
    made_.shortest = static_cast<std::int64_t>(shortest->size());
    made_.longest = static_cast<std::int64_t>(longest->size());
  }

  void add_codes() {
    constexpr char letters[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";  // none that looks like another
    for (std::size_t list = 0; list < packet_.lists.size(); ++list) {
      Philox random(stable_hash(packet_.hash + std::to_string(key_.seed)), list);
      std::string code;
      for (int i = 0; i < 8; ++i) code += std::string(i == 4 ? "-" : "") + letters[random.below(32)];
      packet_.codes.push_back(code);
    }
  }

  const StudyExportOptions& options_;
  const std::function<void(std::int64_t)>& on_progress_;
  StudyText text_;
  StudyPacket packet_;
  StudyKey key_;
  StudyExport made_;
  fs::path folder_;
  Philox names_{0};
  std::map<std::string, AnsweringFolder> folders_;
  std::vector<std::string> prompts_;                            // of each item
  std::vector<std::map<std::string, std::string>> candidates_;  // of each item by system
  struct Target {
    fs::path file;
    std::int64_t width, height;  // as it is shown
  };
  std::vector<Target> targets_;  // of each item
  std::map<std::string, std::string> digests_;
};

}  // namespace

void StudyExportOptions::visit(Fields& f) {
  f("system", system, "NAME=FOLDER of images that answer the data; once for each system", Required{});
  f("ablation", ablation, "NAME:text=FOLDER or NAME:image=FOLDER: images of --system NAME by `generate --swap`");
  f("data", data, "dataset folder whose rows the images answer", Required{});
  f("split", split, "rows of this split alone");
  f("out", out, "folder of the packet, a new one", Required{});
  f("key", key, "file that tells which image is whose; raters must not see it", Required{});
  f("items", items, "rows to show, drawn of those that all systems answer", Required{}, Range{1, 1e6});
  f("raters", raters, "judgements of each item", Range{1, 1000});
  f("items_per_rater", items_per_rater, "judgements of a rater, at most, checks not counted", Range{1, 100000});
  f("examples", examples, "worked examples before the first item, of rows that are left, with their targets",
    Range{0, 10});
  f("mode", mode,
    "pairs: two images beside each other; single: one, for a rating; real: one, to be told from the dataset's targets",
    Choices{{"pairs", "single", "real"}});
  f("design", design, "which pairs", Choices{{"all-pairs", "against-baseline"}});
  f("baseline", baseline, "system that the others are compared with, for --design against-baseline");
  f("adapter", adapter, "also writes OUT-NAME for a platform that brings raters", Choices{study_adapters()});
  f("host", host, "address at which the packet will lie, for --adapter");
  f("text", text, "TOML file with the wording (default: English, as `study text` prints it)");
  f("attention", attention, "instructed attention checks, a share of a list's judgements", Range{0, 1});
  f("catches", catches, "pairs with an obvious answer, the same", Range{0, 1});
  f("repeats", repeats, "judgements that are asked for once more, sides exchanged, the same", Range{0, 0.3});
  f("exclude.attention", exclusion.attention,
    "rule by which raters are left out: least share of attention checks passed", Range{0, 1});
  f("exclude.catches", exclusion.catches, "the same of obvious pairs", Range{0, 1});
  f("exclude.repeats", exclusion.repeats, "the same of repeats that are answered as before", Range{0, 1});
  f("exclude.seconds", exclusion.seconds, "the same: least median of an answer's seconds", Range{0, 3600});
  f("strict", strict, "fail where systems answer different rows, or a row can't be shown");
  f("seed", seed, "of the rows drawn, orders, sides and names", Range{0, 9e15});
}

fs::path adapter_folder(const StudyExportOptions& options) {
  fs::path folder = without_slash(options.out);
  return folder += "-" + options.adapter;
}

StudyExport export_study(const StudyExportOptions& options, const std::function<void(std::int64_t)>& on_progress) {
  return Exporter(options, on_progress).run();
}

}  // namespace cigli
