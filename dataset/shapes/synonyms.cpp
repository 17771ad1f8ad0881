#include <map>

#include "dataset/shapes/language.h"

namespace cigli {

const std::map<std::string, std::vector<std::string>>& synonyms() {
  static const std::map<std::string, std::vector<std::string>> all = {
      {"object", {"object", "thing", "item", "figure"}},
      {"objects", {"objects", "things", "items", "figures"}},
      {"one more", {"one more", "one extra", "one additional", "one new", "another"}},
      {"the rest", {"the rest", "everything else", "all else"}},
      {"nothing else",
       {"and nothing else differs", "and nothing else has changed", "and all else is unchanged",
        "while everything else stays as it was"}},
      {"the same as", {"the same as", "identical to", "just like", "a copy of"}},
      {"but", {"but", "except that", "only that", "with the difference that"}},
      {"except", {"except", "but", "other than", "apart from"}},
      {"only", {"only", "just", "nothing but"}},
      {"compared", {"compared with {A}", "in comparison with {A}", "set beside {A}", "measured against {A}"}},
      {"from A to B", {"from {A} to {B}", "between {A} and {B}", "on the way from {A} to {B}"}},
      {"giving B",
       {" to get {B}", " to obtain {B}", " and you have {B}", ", which gives {B}", " and {B} is what you get",
        " and the result is {B}"}},
      {"shows", {"shows", "contains", "has", "holds"}},
      {"added", {"added", "inserted", "put in", "drawn in"}},
      {"keeps", {"keeps", "retains", "preserves"}},
      {"remain", {"remain", "stay", "are left", "are kept", "are still there"}},
      {"remains", {"remains", "stays", "is left", "is kept", "is still there"}},
      {"remove", {"remove", "delete", "erase", "drop", "take away", "leave out"}},
      {"removes", {"removes", "deletes", "erases", "drops", "takes away", "leaves out"}},
      {"gone", {"gone", "missing", "removed", "erased", "deleted", "left out", "no longer there"}},
      {"have gone",
       {"have gone", "have vanished", "have disappeared", "were removed", "were erased", "were deleted",
        "were taken away"}},
      {"has gone",
       {"has gone", "has vanished", "has disappeared", "was removed", "was erased", "was deleted", "was taken away"}},
      {"vanish", {"vanish", "disappear", "go away", "are removed", "are erased", "are deleted", "are taken away"}},
      {"has lost", {"has lost", "lacks", "no longer has", "is missing"}},
      // Colours:
      {"paint", {"paint", "colour", "turn", "make"}},
      {"are now", {"are now", "have become", "have turned", "have changed to", "were painted", "were coloured"}},
      {"is now", {"is now", "has become", "has turned", "has changed to", "was painted", "was coloured"}},
      {"turn", {"turn", "become", "change to", "are painted", "are coloured"}},
      // Shapes:
      {"become",
       {"have become", "have turned into", "have changed into", "are now", "were replaced by", "were exchanged for"}},
      {"becomes",
       {"has become", "has turned into", "has changed into", "is now", "was replaced by", "was exchanged for"}},
      {"turn into", {"turn into", "become", "change into", "are replaced by", "are exchanged for"}},
      // Places:
      {"swapped", {"swapped", "exchanged", "interchanged"}},
      {"flip", {"flip", "mirror", "reflect"}},
      {"flipped", {"flipped", "mirrored", "reflected"}},
      {"left to right", {"from left to right", "from side to side", "sideways"}},
      // Sizes:
      {"larger", {"larger", "bigger"}},
  };
  return all;
}

}  // namespace cigli
