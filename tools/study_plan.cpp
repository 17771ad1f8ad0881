#include <cstdio>
#include <iostream>

#include "eval/study/power.h"
#include "tools/commands.h"

namespace cigli {
namespace {

struct StudyPlanCommand {
  StudyPlanOptions plan;
  bool json = false;
  void visit(Fields& f) {
    plan.visit(f);
    f("json", json, "print the plan as JSON");
  }
};

std::string with_decimals(double value, int decimals) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

}  // namespace

int run_study_plan(const Arguments& arguments) {
  const auto options = parse<StudyPlanCommand>(arguments);
  const StudyPlan plan = plan_study(options.plan);
  if (options.json) {
    const nlohmann::ordered_json json{{"votes", plan.votes},
                                      {"design_effect", plan.design_effect},
                                      {"judgements", plan.judgements},
                                      {"items", plan.items},
                                      {"lists", plan.lists},
                                      {"minutes", plan.minutes},
                                      {"cost", plan.cost}};
    std::cout << json.dump() << "\n";
    return 0;
  }
  std::cout << "votes without ties  " << plan.votes << ", were they independent\n"
            << "design effect       " << with_decimals(plan.design_effect, 2) << "\n"
            << "items               " << plan.items << "\n"
            << "judgements          " << plan.judgements << ", " << options.plan.raters << " an item\n"
            << "lists               " << plan.lists << ", one a rater\n"
            << "time                " << with_decimals(plan.minutes, 0) << " minutes of all raters, without checks\n";
  if (options.plan.pay > 0) std::cout << "cost                " << with_decimals(plan.cost, 2) << "\n";
  return 0;
}

}  // namespace cigli
