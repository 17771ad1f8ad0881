#include <iostream>

#include "eval/study/page.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct StudyTextOptions {
  void visit(Fields&) {}
};

}  // namespace

int run_study_text(const Arguments& arguments) {
  parse<StudyTextOptions>(arguments);
  std::cout << study_wording();
  return 0;
}

}  // namespace cigli
