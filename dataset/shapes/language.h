#pragma once

#include <string>
#include <vector>

#include "dataset/shapes/program.h"
#include "runtime/philox.h"

namespace cigli {

// The ways to say a family's program, at least five, sixteen in the benchmark's families; every one speaks of both
// images. {A} and {B} stand for them.
const std::vector<std::string>& paraphrases(Family family);

// Ways to call the two images: "the first image" and "the second image", and so on.
constexpr int wordings = 8;

// The program as one English sentence.
std::string sentence(const Program& program, int paraphrase, int wording);

// About one paraphrase in five of each family is held out of training, the same ones in every run.
bool paraphrase_held_out(Family family, int paraphrase);
int draw_paraphrase(Family family, bool seen, Philox& random);

}  // namespace cigli
