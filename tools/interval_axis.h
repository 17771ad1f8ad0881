#pragma once

#include <optional>
#include <string>

#include "eval/interval.h"

namespace cigli {

// Four digits, with a true minus.
std::string short_number(double value);

// A value on a scale: a dot, its interval a bar, another estimate that the interval is about a stroke in it, and a mark
// at `reference` where that lies inside the scale.
struct IntervalAxis {
  double low = 0, high = 1;  // ends of the scale
  double value = 0;
  std::optional<Interval> interval;
  std::optional<double> centre;
  double reference = 0;
};

// As SVG that is as wide as what holds it; places are percentages, so that its letters keep their size. `label` says it
// in words. Drawn with report_page's style.
std::string draw_axis(const IntervalAxis& axis, const std::string& label);

}  // namespace cigli
