#include "eval/study/audit.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "dataset/image.h"
#include "eval/study/adapters.h"
#include "eval/study/packet.h"
#include "eval/study/page.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/hash.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

std::uint32_t big_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

// Kinds of a PNG's chunks, and what of its head raters could tell kinds of files by.
struct PngShape {
  std::set<std::string> chunks;
  std::string head;  // width, height, depth, colour type, interlacing
};

PngShape png_shape(std::string_view bytes, const std::string& name) {
  constexpr std::string_view signature("\x89PNG\r\n\x1a\n", 8);
  if (bytes.substr(0, signature.size()) != signature) throw Error(name + ": no PNG");
  PngShape shape;
  for (std::size_t at = signature.size(); at + 12 <= bytes.size();) {
    const std::size_t length = big_endian(bytes, at);
    const std::string kind(bytes.substr(at + 4, 4));
    if (kind == "IHDR" && at + 8 + length <= bytes.size()) shape.head = bytes.substr(at + 8, length);
    shape.chunks.insert(kind);
    at += 12 + length;
    if (kind == "IEND" && at < bytes.size()) shape.chunks.insert("bytes behind IEND");
  }
  return shape;
}

bool is_image_name(const std::string& name) {
  return name.size() == 24 && name.rfind("img/", 0) == 0 && name.substr(20) == ".png" &&
         std::all_of(name.begin() + 4, name.begin() + 20,
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// Whether `word` stands in the text with no letter or digit beside it.
bool has_word(const std::string& text, const std::string& word) {
  const auto letter = [&](std::size_t at) {
    return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at]));
  };
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    if (!(at > 0 && letter(at - 1)) && !letter(at + word.size())) return true;
  return false;
}

// What questions say, with their keys, which raters may find in data.js.
void add_wording(const std::vector<StudyQuestion>& questions, std::set<std::string>& said) {
  for (const StudyQuestion& question : questions) {
    said.insert(question.key);
    said.insert(question.wording);
    for (const StudyAnswer& answer : question.answers) said.insert(answer.label);
  }
}

// What the program says by itself: whatever words it has, it names no system.
std::set<std::string> own_wording() {
  const StudyText own = read_study_text("");
  std::set<std::string> said{own.language, prolific_completion_url()};
  for (const auto& [key, text] : own.texts) said.insert(text);
  for (const StudyMode mode : {StudyMode::pairs, StudyMode::single, StudyMode::real})
    add_wording(own.questions(mode), said);
  return said;
}

class Audit {
 public:
  Audit(const fs::path& folder, const StudyKey* key) : folder_(folder), packet_(read_study_packet(folder)), key_(key) {
    if (key != nullptr && (key->packet != packet_.hash || key->trials.size() != packet_.trials.size()))
      throw Error(folder.string() + ": the key is of packet " + key->packet.substr(0, 12) + ", this is " +
                  packet_.hash.substr(0, 12));
  }

  StudyAudit run() {
    found_.lists = static_cast<std::int64_t>(packet_.lists.size());
    found_.trials = static_cast<std::int64_t>(packet_.trials.size());
    look_at_files();
    look_at_images();
    look_at_sizes();
    look_at_sides();
    if (key_ != nullptr) {
      look_at_key();
      look_for_names();
      look_at_balance();
    }
    return found_;
  }

 private:
  std::set<std::string> shown() const {
    std::set<std::string> names;
    for (const auto* trials : {&packet_.trials, &packet_.examples})
      for (const StudyTrial& trial : *trials) {
        names.insert(trial.prompt);
        names.insert(trial.images.begin(), trial.images.end());
      }
    return names;
  }

  void look_at_files() {
    const std::set<std::string> images = shown();
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      const std::string name = entry.path().lexically_relative(folder_).generic_string();
      if (entry.is_symlink() || (!entry.is_regular_file() && name != "img"))
        found_.leaks.push_back(name + ": neither a file nor the folder img");
      else if (entry.is_regular_file() && name != "index.html" && name != "data.js" && images.count(name) == 0)
        found_.leaks.push_back(name + ": no part of the study");
    }
    if (read_file(folder_ / "index.html") != study_page())
      found_.faults.push_back("index.html: not the page that this version of cigli writes");
  }

  void look_at_images() {
    const std::set<std::string> plain{"IHDR", "IDAT", "IEND"};
    for (const std::string& name : shown()) {
      if (!is_image_name(name)) found_.leaks.push_back(name + ": the name is not one of chance");
      try {
        const std::string bytes = read_file(join_inside(folder_, name, "data.js"));
        digests_[name] = sha256(bytes);
        const PngShape shape = png_shape(bytes, name);
        heads_[name] = shape.head;
        for (const std::string& chunk : shape.chunks)
          if (plain.count(chunk) == 0) found_.leaks.push_back(name + ": has " + chunk + " beside its pixels");
        decode_image(bytes, name);
        ++found_.images;
      } catch (const Error& error) {
        found_.faults.push_back(error.what());
      }
    }
    if (found_.faults.empty() && hash_of(to_json(unnamed()), digests_) != packet_.hash)
      found_.faults.push_back("data.js: its hash is not that of data.js and images: changed since it was written");
  }

  StudyPacket unnamed() const {
    StudyPacket packet = packet_;
    packet.hash.clear();
    return packet;
  }

  void look_at_sizes() {
    for (std::size_t i = 0; i < packet_.trials.size(); ++i) {
      const auto& images = packet_.trials[i].images;
      if (images.size() == 2 && heads_.count(images[0]) + heads_.count(images[1]) == 2 &&
          heads_[images[0]] != heads_[images[1]])
        found_.leaks.push_back("trial " + std::to_string(i) + ": its images are of two sizes or kinds");
    }
  }

  // Of each pair, how often it is shown either way round.
  void look_at_sides() {
    std::map<std::pair<std::string, std::string>, std::int64_t> lead;
    for (const auto& list : packet_.lists)
      for (const std::int64_t trial : list) {
        const auto& shown = packet_.trials[static_cast<std::size_t>(trial)];
        if (shown.images.size() != 2 || !shown.instruction.empty()) continue;
        const bool ordered = shown.images[0] < shown.images[1];
        lead[{std::min(shown.images[0], shown.images[1]), std::max(shown.images[0], shown.images[1])}] +=
            ordered ? 1 : -1;
      }
    // One more where judgements are odd, and what repeats add.
    for (const auto& [pair, difference] : lead) {
      const std::int64_t allowed = 1 + repeats_of(pair);
      if (std::abs(difference) > allowed)
        found_.imbalance.push_back(pair.first + " and " + pair.second + " are shown " +
                                   std::to_string(std::abs(difference)) + " times more one way round than the other");
    }
  }

  // How often one list shows this pair more than once.
  std::int64_t repeats_of(const std::pair<std::string, std::string>& pair) {
    if (repeats_.empty())
      for (const auto& list : packet_.lists) {
        std::set<std::pair<std::string, std::string>> seen;
        for (const std::int64_t trial : list) {
          const auto& images = packet_.trials[static_cast<std::size_t>(trial)].images;
          if (images.size() != 2) continue;
          const std::pair<std::string, std::string> shown{std::min(images[0], images[1]),
                                                          std::max(images[0], images[1])};
          if (!seen.insert(shown).second) ++repeats_[shown];
        }
      }
    return repeats_[pair];
  }

  // Whether the key says what the packet shows: of each list and trial, and of judged images whose they are.
  void look_at_key() {
    if (key_->lists != packet_.lists) found_.faults.push_back("key: its lists are not the packet's");
    std::map<std::string, const StudyItem*> items;
    for (const StudyItem& item : key_->items) items[item.id] = &item;
    for (std::size_t i = 0; i < packet_.trials.size(); ++i) {
      const StudyTrial& shown = packet_.trials[i];
      const StudyTrialKey& trial = key_->trials[i];
      const StudyItem& item = *items.at(trial.item);
      if (shown.images != trial.images || shown.prompt != item.prompt || shown.sentence != item.sentence)
        found_.faults.push_back("key: trial " + std::to_string(i) + " is not what the packet shows");
      if ((trial.kind == "attention") == shown.instruction.empty())
        found_.faults.push_back("key: trial " + std::to_string(i) + " is no such check");
    }
  }

  // All that raters can read or make sense of, but what the program says by itself, and sentences, which may well hold
  // names. What an attention check says stands in texts and labels already.
  std::set<std::string> wording() const {
    std::set<std::string> said{packet_.language}, checks;
    for (const auto& [key, text] : packet_.texts) said.insert(text);
    add_wording(packet_.questions, said);
    if (const auto attention = packet_.texts.find("attention"); attention != packet_.texts.end())
      for (const StudyQuestion& question : packet_.questions)
        for (const StudyAnswer& answer : question.answers)
          checks.insert(attention_instruction(attention->second, answer.label));
    for (const auto* trials : {&packet_.trials, &packet_.examples})
      for (const StudyTrial& trial : *trials)
        if (checks.count(trial.instruction) == 0) said.insert(trial.instruction);
    for (const std::string& image : shown())
      if (!is_image_name(image)) said.insert(image);
    for (const std::string& own : own_wording()) said.erase(own);
    return said;
  }

  void look_for_names() {
    std::vector<std::string> texts;
    for (const std::string& text : wording()) texts.push_back(lower(text));
    std::set<std::string> names;
    for (const StudySystem& system : key_->systems) {
      names.insert(lower(system.name));
      names.insert(lower(system.folder.string()));
    }
    for (const std::string& name : names)
      if (std::any_of(texts.begin(), texts.end(), [&](const std::string& text) { return has_word(text, name); }))
        found_.leaks.push_back("data.js: has \"" + name + "\", a system's name or folder");
  }

  void look_at_balance() {
    std::map<std::string, std::int64_t> judged;                             // by item and comparison
    std::map<std::pair<std::string, std::string>, std::int64_t> left_lead;  // of a comparison, over all lists
    for (std::size_t list = 0; list < packet_.lists.size(); ++list) {
      std::map<std::pair<std::string, std::string>, std::int64_t> lead;
      for (std::size_t position = 0; position < packet_.lists[list].size(); ++position) {
        const StudyTrialKey& trial = key_->trials[static_cast<std::size_t>(packet_.lists[list][position])];
        if (trial.kind != "judged" || key_->repeats.at(list).count(static_cast<std::int64_t>(position)) > 0) continue;
        std::vector<std::string> systems = trial.systems;
        std::sort(systems.begin(), systems.end());
        std::string of = trial.item;
        for (const std::string& system : systems) of += "\n" + system;
        ++judged[of];
        if (systems.size() == 2) lead[{systems[0], systems[1]}] += trial.systems[0] == systems[0] ? 1 : -1;
      }
      for (const auto& [pair, difference] : lead) {
        left_lead[pair] += difference;
        if (std::abs(difference) > 2)
          found_.imbalance.push_back("list " + std::to_string(list) + ": shows " + pair.first + " and " + pair.second +
                                     " " + std::to_string(std::abs(difference)) + " times more one way round");
      }
    }
    for (const auto& [of, count] : judged)
      if (count != key_->raters)
        found_.imbalance.push_back("item " + of.substr(0, of.find('\n')) + ": a comparison is judged " +
                                   std::to_string(count) + " times, expected " + std::to_string(key_->raters));
    if (judged.size() != key_->items.size() * key_->comparisons.size())
      found_.imbalance.push_back(std::to_string(judged.size()) + " comparisons are judged, expected " +
                                 std::to_string(key_->items.size() * key_->comparisons.size()));
    for (const auto& [pair, difference] : left_lead)
      if (std::abs(difference) > std::max<std::int64_t>(1, key_->raters))
        found_.imbalance.push_back(pair.first + " and " + pair.second + " are shown " +
                                   std::to_string(std::abs(difference)) + " times more one way round");
  }

  fs::path folder_;
  StudyPacket packet_;
  const StudyKey* key_;
  StudyAudit found_;
  std::map<std::string, std::string> digests_, heads_;
  std::map<std::pair<std::string, std::string>, std::int64_t> repeats_;
};

}  // namespace

StudyAudit audit_study(const fs::path& folder, const StudyKey* key) { return Audit(folder, key).run(); }

}  // namespace cigli
