#include "eval/study/export.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

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

fs::path unfinished(fs::path folder) { return folder += ".unfinished"; }

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
    key_.systems = study_systems(options);
    check_study_options(options, key_.systems);
    key_.comparisons = study_comparisons(key_.systems, options);
    packet_.language = text_.language;
    packet_.texts = text_.texts;
    if (options.adapter == "prolific" && packet_.texts.at("completion_url").empty())
      packet_.texts["completion_url"] = prolific_completion_url();
    packet_.questions = key_.questions = text_.questions(packet_.mode);
    if (packet_.questions.empty())
      throw Error(options.text + ": has no questions [[" + std::string(options.mode) + "]]");
  }

  StudyExport run() {
    const fs::path final = packet_folder(options_), adapted = adapter_folder(options_);
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
    const fs::path folder = image_folder(options_.data);
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

  std::pair<std::string, std::string> ends() const { return end_answers(packet_.questions[0], packet_.mode); }

  std::pair<StudyTrial, StudyTrialKey> attention(PlannedTrial planned) {
    const std::string expected = planned.swapped ? ends().second : ends().first;
    planned.swapped = names_.below(2) == 1;  // which image is left tells nothing, here either
    auto [trial, key] = comparison(planned);
    trial.instruction = attention_instruction(text_.texts.at("attention"), packet_.questions[0].label(expected));
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

StudyExport export_study(const StudyExportOptions& options, const std::function<void(std::int64_t)>& on_progress) {
  return Exporter(options, on_progress).run();
}

}  // namespace cigli
