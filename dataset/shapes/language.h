#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "dataset/shapes/program.h"
#include "runtime/philox.h"

namespace cigli {

// The ways to say a family's program, at least nine, two dozen in the benchmark's families. {A} and {B} stand for the
// two images, of which every one speaks, {colour}, {a shape} and the like for what the program names, other slots for
// synonyms.
const std::vector<std::string>& paraphrases(Family family);

// What may fill a slot besides: words and phrases of one meaning, with slots of their own.
const std::map<std::string, std::vector<std::string>>& synonyms();

// The program as one English sentence. `wording`, any number, chooses among the ways to call the images and the
// synonyms; 0 is the first of each. Error when there is no such paraphrase.
std::string sentence(const Program& program, int paraphrase, std::uint64_t wording);

// About one paraphrase in five of each family is held out of training, the same ones in every run.
bool paraphrase_held_out(Family family, int paraphrase);
int draw_paraphrase(Family family, bool seen, Philox& random);

}  // namespace cigli
