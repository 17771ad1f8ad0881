#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "dataset/shapes/checker.h"
#include "dataset/shapes/language.h"
#include "dataset/shapes/sample.h"
#include "runtime/error.h"

namespace cigli {
namespace {

constexpr double small_size = 6.5, large_size = 9;

// Red circle and blue circle to the left, green square to the right; a lone triangle below.
Scene prompt() {
  Scene scene;
  scene.objects = {{Shape::circle, Colour::red, 12, 12, small_size},
                   {Shape::circle, Colour::blue, 14, 36, small_size},
                   {Shape::square, Colour::green, 48, 16, large_size},
                   {Shape::triangle, Colour::red, 44, 50, small_size}};
  return scene;
}

Program program(const std::string& family, const nlohmann::ordered_json& arguments) {
  return program_from_json(family, arguments, "test");
}

struct Case {
  std::string family;
  nlohmann::ordered_json arguments;
  void (*edit)(std::vector<Object>&);           // makes the target
  void (*break_program)(std::vector<Object>&);  // of the target
};

const World& rich() { return world_named("shapes-rich"); }

std::vector<Case> cases() {
  using Objects = std::vector<Object>&;
  const auto drop_first = [](Objects o) { o.erase(o.begin()); };
  return {{"add",
           {{"colour", "yellow"}, {"shape", "star"}},
           [](Objects o) {
             o.push_back({Shape::star, Colour::yellow, 30, 30, small_size});
           },
           [](Objects o) { o.back().colour = Colour::orange; }},
          {"recolour",
           {{"colour", "red"}, {"to_colour", "cyan"}},
           [](Objects o) { o[0].colour = o[3].colour = Colour::cyan; },
           [](Objects o) { o[3].colour = Colour::red; }},
          {"all-same",
           {{"shape", "square"}},
           [](Objects o) {
             for (Object& x : o) x.colour = Colour::green;
           },
           [](Objects o) { o[1].colour = Colour::blue; }},
          {"mirror", nlohmann::ordered_json::object(),
           [](Objects o) {
             for (Object& x : o) x.x = 64 - x.x;
           },
           [](Objects o) { o[0].x = 12; }},
          {"keep-shape", {{"shape", "circle"}}, [](Objects o) { o.resize(2); }, drop_first},
          {"keep-colour", {{"colour", "red"}}, [](Objects o) { o.erase(o.begin() + 1, o.begin() + 3); }, drop_first},
          {"remove-shape",
           {{"shape", "circle"}},
           [](Objects o) { o.erase(o.begin(), o.begin() + 2); },
           [](Objects o) { o.push_back(prompt().objects[0]); }},
          {"remove-colour",
           {{"colour", "red"}},
           [](Objects o) {
             o = {o[1], o[2]};
           },
           [](Objects o) { o.push_back(prompt().objects[3]); }},
          {"reshape",
           {{"shape", "circle"}, {"to_shape", "cross"}},
           [](Objects o) { o[0].shape = o[1].shape = Shape::cross; },
           [](Objects o) { o[1].shape = Shape::circle; }},
          {"recolour-shape",
           {{"shape", "circle"}, {"to_colour", "blue"}},
           [](Objects o) { o[0].colour = Colour::blue; },
           [](Objects o) { o[0].colour = Colour::red; }},
          {"one-more",
           {{"shape", "square"}},
           [](Objects o) {
             o.push_back({Shape::square, Colour::black, 30, 30, small_size});
           },
           [](Objects o) { o.back().shape = Shape::circle; }},
          {"one-fewer",
           {{"shape", "circle"}},
           [](Objects o) { o.erase(o.begin() + 1); },
           [](Objects o) { o.push_back(prompt().objects[1]); }},
          {"match-count",
           {{"shape", "triangle"}, {"to_shape", "circle"}},
           [](Objects o) {
             o.push_back({Shape::triangle, Colour::black, 30, 30, small_size});
           },
           [](Objects o) { o.pop_back(); }},
          {"add-beside",
           {{"colour", "black"},
            {"shape", "cross"},
            {"to_colour", "green"},
            {"to_shape", "square"},
            {"direction", "below"}},
           [](Objects o) {
             o.push_back({Shape::cross, Colour::black, 50, 33, small_size});
           },
           [](Objects o) { o.back().y = 4; }},
          {"remove-beside",
           {{"colour", "green"}, {"shape", "square"}, {"direction", "left"}},
           [](Objects o) { o = {o[2]}; },
           [](Objects o) { o.push_back(prompt().objects[1]); }},
          {"move",
           {{"colour", "blue"}, {"shape", "circle"}, {"direction", "right"}},
           [](Objects o) { o[1].x = 30; },
           [](Objects o) { o[1].x = 15; }},
          {"swap-places",
           {{"colour", "red"}, {"shape", "circle"}, {"to_colour", "green"}, {"to_shape", "square"}},
           [](Objects o) { std::swap(o[0].x, o[2].x), std::swap(o[0].y, o[2].y); },
           [](Objects o) { o[0].y = 30; }},
          {"take-colour",
           {{"shape", "triangle"}, {"to_shape", "square"}},
           [](Objects o) { o[3].colour = Colour::green; },
           [](Objects o) { o[3].colour = Colour::red; }},
          {"grow",
           {{"colour", "red"}, {"shape", "circle"}},
           [](Objects o) { o[0].radius = large_size; },
           [](Objects o) { o[0].radius = small_size; }},
          {"shrink",
           {{"colour", "green"}, {"shape", "square"}},
           [](Objects o) { o[2].radius = small_size; },
           [](Objects o) { o[2].radius = large_size; }},
          {"remove-and-add",
           {{"shape", "circle"}, {"to_colour", "cyan"}, {"to_shape", "star"}},
           [](Objects o) {
             o.erase(o.begin(), o.begin() + 2), o.push_back({Shape::star, Colour::cyan, 20, 20, small_size});
           },
           [](Objects o) { o.pop_back(); }},
          {"recolour-and-mirror",
           {{"colour", "red"}, {"to_colour", "black"}},
           [](Objects o) {
             o[0].colour = o[3].colour = Colour::black;
             for (Object& x : o) x.x = 64 - x.x;
           },
           [](Objects o) { o[0].colour = Colour::red; }}};
}

TEST(ShapesProgram, EveryFamilyHoldsOnItsTargetAndNotOnABrokenOne) {
  std::set<std::string> tried;
  for (const Case& c : cases()) {
    tried.insert(c.family);
    const Program p = program(c.family, c.arguments);
    Scene target = prompt();
    c.edit(target.objects);
    const Verdict right = check_scene(rich(), prompt(), p, target);
    EXPECT_TRUE(right.holds) << c.family << ": " << right.reason;
    EXPECT_TRUE(right.program && right.unchanged && right.reason.empty()) << c.family;
    EXPECT_FALSE(check_scene(rich(), prompt(), p, prompt()).holds) << c.family << " holds on the prompt";
    c.break_program(target.objects);
    const Verdict wrong = check_scene(rich(), prompt(), p, target);
    EXPECT_FALSE(wrong.holds) << c.family;
    EXPECT_FALSE(wrong.program) << c.family << ": " << wrong.reason;
    EXPECT_FALSE(wrong.reason.empty()) << c.family;
  }
  EXPECT_EQ(tried.size(), signatures().size());
}

TEST(ShapesProgram, WhatTheProgramDoesNotMentionMustStay) {
  const Program p = program("recolour-shape", {{"shape", "triangle"}, {"to_colour", "blue"}});
  Scene right = prompt();
  right.objects[3].colour = Colour::blue;
  void (*const edits[])(std::vector<Object>&) = {[](std::vector<Object>& o) { o[0].x += 8; },
                                                 [](std::vector<Object>& o) { o[0].colour = Colour::cyan; },
                                                 [](std::vector<Object>& o) { o[0].shape = Shape::star; },
                                                 [](std::vector<Object>& o) { o[0].radius = large_size; },
                                                 [](std::vector<Object>& o) { o.erase(o.begin()); },
                                                 [](std::vector<Object>& o) {
                                                   o.push_back({Shape::star, Colour::cyan, 30, 30, small_size});
                                                 }};
  for (const auto& edit : edits) {
    Scene shown = right;
    edit(shown.objects);
    const Verdict verdict = check_scene(rich(), prompt(), p, shown);
    EXPECT_TRUE(verdict.program) << verdict.reason;
    EXPECT_FALSE(verdict.unchanged);
    EXPECT_FALSE(verdict.holds);
  }
}

TEST(ShapesProgram, PlacesMayBeOffByThreeAndAHalf) {
  const Program p = program("recolour-shape", {{"shape", "triangle"}, {"to_colour", "blue"}});
  Scene shown = prompt();
  shown.objects[3].colour = Colour::blue;
  shown.objects[1].x += 3.4;
  EXPECT_TRUE(check_scene(rich(), prompt(), p, shown).holds);
  shown.objects[1].x += 0.2;
  EXPECT_FALSE(check_scene(rich(), prompt(), p, shown).holds);
}

TEST(ShapesProgram, ANewObjectMayStandAnywhere) {
  const Program p = program("add", {{"colour", "red"}, {"shape", "circle"}});
  for (const double x : {28.0, 30.0, 33.0}) {
    Scene shown = prompt();
    shown.objects.push_back({Shape::circle, Colour::red, x, 30, small_size});
    EXPECT_TRUE(check_scene(rich(), prompt(), p, shown).holds);
  }
}

TEST(ShapesProgram, OneFewerLeavesOpenWhich) {
  const Program p = program("one-fewer", {{"shape", "circle"}});
  for (const int gone : {0, 1}) {
    Scene shown = prompt();
    shown.objects.erase(shown.objects.begin() + gone);
    EXPECT_TRUE(check_scene(rich(), prompt(), p, shown).holds);
  }
  Scene both = prompt();
  both.objects.erase(both.objects.begin(), both.objects.begin() + 2);
  EXPECT_FALSE(check_scene(rich(), prompt(), p, both).holds);
}

TEST(ShapesProgram, CannotBeSaidWhereItNamesNothingOrChangesNothing) {
  const std::vector<std::pair<std::string, nlohmann::ordered_json>> wrong = {
      {"recolour", {{"colour", "yellow"}, {"to_colour", "red"}}},  // nothing yellow
      {"recolour", {{"colour", "red"}, {"to_colour", "red"}}},     // no change
      {"all-same", {{"shape", "circle"}}},                         // two circles
      {"remove-shape", {{"shape", "star"}}},                       // no star
      {"keep-colour", {{"colour", "yellow"}}},                     // nothing would remain
      {"one-fewer", {{"shape", "square"}}},                        // only one
      {"match-count", {{"shape", "circle"}, {"to_shape", "square"}}},
      {"move", {{"colour", "green"}, {"shape", "circle"}, {"direction", "left"}}},
      {"grow", {{"colour", "green"}, {"shape", "square"}}},  // large already
      {"swap-places", {{"colour", "red"}, {"shape", "circle"}, {"to_colour", "red"}, {"to_shape", "circle"}}}};
  for (const auto& [family, arguments] : wrong)
    EXPECT_TRUE(outcomes(rich(), prompt(), program(family, arguments)).empty()) << family << arguments.dump();
  Scene symmetric;
  symmetric.objects = {{Shape::circle, Colour::red, 20, 30, small_size},
                       {Shape::circle, Colour::red, 46, 31, small_size}};
  EXPECT_TRUE(outcomes(rich(), symmetric, program("mirror", nlohmann::ordered_json::object())).empty());
}

TEST(ShapesProgram, JsonRoundTripAndFaults) {
  for (const Case& c : cases()) EXPECT_EQ(arguments_json(program(c.family, c.arguments)), c.arguments) << c.family;
  EXPECT_THROW(program("fly", {}), Error);
  EXPECT_THROW(program("add", {{"colour", "red"}}), Error);
  EXPECT_THROW(program("add", {{"colour", "red"}, {"shape", 3}}), Error);
  EXPECT_THROW(program("add", {{"colour", "mauve"}, {"shape", "circle"}}), Error);
}

// Every slot of `pattern` and of the synonyms that may fill them.
void collect_slots(const std::string& pattern, std::set<std::string>& slots) {
  for (std::size_t open = pattern.find('{'); open != std::string::npos; open = pattern.find('{', open + 1)) {
    const std::string slot = pattern.substr(open + 1, pattern.find('}', open) - open - 1);
    slots.insert(slot);
    if (const auto found = synonyms().find(slot); found != synonyms().end())
      for (const std::string& words : found->second) collect_slots(words, slots);
  }
}

TEST(ShapesLanguage, EveryParaphraseSpeaksOfBothImages) {
  std::set<std::string> used;
  for (const Signature& s : signatures()) {
    const auto& all = paraphrases(s.family);
    EXPECT_GE(all.size(), 9U) << s.name;
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size()) << s.name;
    for (const std::string& text : all) {
      std::set<std::string> slots;
      collect_slots(text, slots);
      EXPECT_TRUE(slots.count("A") == 1 && slots.count("B") == 1) << text;
      used.insert(slots.begin(), slots.end());
    }
  }
  for (const auto& [slot, words] : synonyms()) {
    EXPECT_EQ(used.count(slot), 1U) << slot << " is used by no paraphrase";
    EXPECT_EQ(std::set<std::string>(words.begin(), words.end()).size(), words.size()) << slot;
    EXPECT_GE(words.size(), 2U) << slot;
  }
}

// Each sentence names each of its program's arguments, so that a change of any is a change of the sentence.
TEST(ShapesLanguage, EverySentenceNamesAllArguments) {
  Philox random(1);
  for (const Case& c : cases()) {
    const Program p = program(c.family, c.arguments);
    for (int i = 0; i < static_cast<int>(paraphrases(p.family).size()); ++i)
      for (int draw = 0; draw < 16; ++draw) {
        const std::string text = sentence(p, i, random.next());
        EXPECT_EQ(text.find_first_of("{}"), std::string::npos) << text;
        EXPECT_EQ(text.find("  "), std::string::npos) << text;
        EXPECT_TRUE(text.front() >= 'A' && text.front() <= 'Z') << text;
        EXPECT_EQ(text.back(), '.');
        for (const auto& [key, value] : c.arguments.items())
          EXPECT_TRUE(key == "direction" || text.find(value.get<std::string>().substr(1)) != std::string::npos) << text;
      }
  }
}

// Two programs are never said in the same words, whatever their paraphrases and synonyms: a sentence decides.
TEST(ShapesLanguage, NoSentenceHasTwoMeanings) {
  Philox random(2);
  std::map<std::string, std::string> meanings;
  for (const Signature& signature : signatures()) {
    Program p;
    p.family = signature.family;
    p.colour = Colour::red;
    p.shape = Shape::circle;
    p.to_colour = Colour::blue;
    p.to_shape = Shape::square;
    for (int i = 0; i < static_cast<int>(paraphrases(p.family).size()); ++i)
      for (int draw = 0; draw < 200; ++draw) {
        const std::string text = sentence(p, i, random.next());
        EXPECT_EQ(meanings.emplace(text, signature.name).first->second, signature.name) << text;
      }
  }
}

TEST(ShapesLanguage, WordsAreEnglish) {
  EXPECT_EQ(sentence(program("add", {{"colour", "orange"}, {"shape", "star"}}), 0, 0),
            "The second image shows everything in the first image plus an orange star.");
  // The images' second name, then the second of {only} after the first of {shows}.
  EXPECT_EQ(sentence(program("keep-shape", {{"shape", "cross"}}), 1, 1 + 8 * (0 + 4 * 1)),
            "The right picture shows just the crosses from the left picture.");
  EXPECT_EQ(sentence(program("remove-beside", {{"colour", "red"}, {"shape", "circle"}, {"direction", "left"}}), 0, 2),
            "Everything to the left of the red circle in the picture on the left is gone in the picture on the right.");
  EXPECT_EQ(sentence(program("mirror", nlohmann::ordered_json::object()), 2, 0),
            "Flip the first image from left to right to get the second image.");
}

TEST(ShapesLanguage, AboutOneParaphraseInFiveIsHeldOut) {
  for (const Signature& s : signatures()) {
    const int count = static_cast<int>(paraphrases(s.family).size());
    int held = 0;
    for (int i = 0; i < count; ++i) held += paraphrase_held_out(s.family, i);
    EXPECT_EQ(held, (count + 2) / 5) << s.name;
    EXPECT_GE(held, 1) << s.name;
  }
}

TEST(ShapesLanguage, TextsOfASampleSayWhetherTheirParaphraseIsSeen) {
  const World& world = world_named("shapes-64");
  for (std::int64_t i = 0; i < 200; ++i) {
    const Sample sample = make_sample(world, "test", 1, i);
    EXPECT_EQ(sample.paraphrase_seen, !paraphrase_held_out(sample.program.family, sample.paraphrase));
    bool written = false;
    for (std::uint64_t wording = 0; wording < 8 * 4 * 4 * 7 * 6 && !written; ++wording)
      written = sentence(sample.program, sample.paraphrase, wording) == sample.text;
    EXPECT_TRUE(written) << sample.text;
  }
}

}  // namespace
}  // namespace cigli
