#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/shapes/program.h"
#include "dataset/shapes/world.h"

namespace cigli {

// One pair of the synthetic world with its sentence.
struct Sample {
  const World* world = nullptr;
  std::string split, text;
  Program program;
  Scene prompt, target;
  int paraphrase = 0;
  bool seen = true;             // no combination (colour, shape, family) of it is held out of training
  bool paraphrase_seen = true;  // nor is its paraphrase
};

const std::vector<std::string>& split_names();  // train, val, test

// The split that a prompt belongs to, of its objects alone: eight in ten are train's.
const std::string& split_of(const Scene& prompt);

// A random program of the family that can be said of the prompt, if the draw gave one.
std::optional<Program> propose(const World& world, Family family, const Scene& prompt, Philox& random);

// A random target that makes the program hold, if the draw gave one: free places and colours chosen, gaps kept.
std::optional<Scene> realise(const World& world, const Scene& prompt, const Program& program, Philox& random);

// Does the pair's program act on a combination held out of training? Its combinations are the colours and shapes of
// the objects that the program speaks of, as the target shows them; where it leaves none of them, as the prompt does.
bool combination_held_out(const World& world, const Scene& prompt, const Scene& target, const Program& program);

// Pair `index` of the endless sequence that (world, split, seed) names; each stands on its own. Families take turns.
// train has seen combinations and paraphrases only; in val and test every second pair has an unseen combination, and
// one in four a held-out paraphrase, alike in every family.
Sample make_sample(const World& world, const std::string& split, std::uint64_t seed, std::int64_t index);

}  // namespace cigli
