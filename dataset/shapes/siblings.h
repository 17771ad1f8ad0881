#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataset/shapes/sample.h"

namespace cigli {

// The pairs of group `group` of the sequence that (world, split, seed) names: `count` pairs of one prompt, whose
// programs lead to different targets. Each group stands on its own; families take turns as far as they can be said of
// the prompt. Which combinations are seen and which paraphrases, in val and test, is as in make_sample on the average.
std::vector<Sample> make_siblings(const World& world, const std::string& split, std::uint64_t seed, std::int64_t group,
                                  std::int64_t count);

// What a planted pair, a control for curation, does not need of its two inputs: the prompt, for the sentence describes
// the target, one object, in full; or the sentence, for the target is the prompt whatever it says.
enum class Planted { none, sentence_tells, prompt_tells };
const std::string& name(Planted planted);  // "", "sentence", "prompt"

// The same group with `planted` in its pairs: what makes the target known lies in one input alone.
std::vector<Sample> make_planted(const World& world, const std::string& split, std::uint64_t seed, std::int64_t group,
                                 std::int64_t count, Planted planted);

}  // namespace cigli
