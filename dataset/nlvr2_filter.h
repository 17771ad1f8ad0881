#pragma once

#include <string>

namespace cigli {

// Which sentences of NLVR2 to keep as descriptions of a pair, by their wording.
enum class Nlvr2Filter {
  none,       // all
  published,  // the phrase lists of CIGLI's authors (Lu, Ng, Fernandez, Zhu 2021), as their code has them
  corrected,  // the same, but where their code asks whether the second word is a number, the first is asked
};

Nlvr2Filter nlvr2_filter_named(const std::string& name);  // "none", "published", "corrected"; Error for others

// Whether the filter keeps this sentence. Letters count as lower case; words end at white space. `published` and
// `corrected` keep a sentence when
// 1. it speaks of "left image" and of "right image", or of none of a list of phrases over both ("each image", "at
//    least", ...); and
// 2. it names an image by one of a list of phrases ("left image", "on the right", "one image", ...), or it counts from
//    its start on: "there are" and a number or "exactly", "only", "strictly" and a number, with four words at least;
//    "there is a"; "exactly" and the like and a number; or a number as its second word (`corrected`: first word).
bool keeps(Nlvr2Filter filter, const std::string& sentence);

}  // namespace cigli
