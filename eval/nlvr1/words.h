#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cigli {

// The words of a human NLVR v1 sentence in the few forms that the grammar knows: lower case, singular, numbers as
// digits ("three" -> "3"), commas as "and"; "has", "have", "having", "contains" as "with"; "is", "are", "being" as
// "be"; "object" as "item"; "grey box" and "grey square" as "box"; words without weight ("closely", "the", ...) left
// out. Slips that leave one reading ("squere", "atleast", a lost first letter) are mended; no word is ever guessed.
std::vector<std::string> nlvr1_words(std::string_view sentence);

}  // namespace cigli
