#include "tools/interval_axis.h"

#include <cmath>
#include <cstdio>

#include "runtime/text.h"

namespace cigli {

std::string short_number(double value) {
  if (std::isnan(value)) return "\u2013";
  if (std::isinf(value)) return value > 0 ? "\u221e" : "\u2212\u221e";
  char text[48];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text[0] == '-' ? std::string("\u2212") + (text + 1) : text;
}

std::string draw_axis(const IntervalAxis& axis, const std::string& label) {
  const auto share = [&](double x) { return (x - axis.low) / (axis.high - axis.low); };
  const auto at = [&](double x) {
    char place[24];
    std::snprintf(place, sizeof place, "%.2f%%", 4 + 92 * share(x));
    return std::string(place);
  };
  const auto stroke = [&](const char* style, double from, double to, int top, int bottom) {
    return std::string("<line class=\"") + style + "\" x1=\"" + at(from) + "\" x2=\"" + at(to) + "\" y1=\"" +
           std::to_string(top) + "\" y2=\"" + std::to_string(bottom) + "\"/>";
  };
  const auto tick = [&](double x, const char* anchor) {
    return stroke("scale", x, x, 5, 13) + "<text x=\"" + at(x) + "\" y=\"26\" text-anchor=\"" + anchor + "\">" +
           short_number(x) + "</text>";
  };
  std::string svg = "<svg role=\"img\" aria-label=\"" + escape_html(label) + "\" width=\"100%\" height=\"28\">" +
                    stroke("scale", axis.low, axis.high, 9, 9) + tick(axis.low, "start") + tick(axis.high, "end");
  const double mark = share(axis.reference);
  if (mark > 0 && mark < 1)
    svg += mark > 0.2 && mark < 0.8 ? tick(axis.reference, "middle")
                                    : stroke("scale", axis.reference, axis.reference, 5, 13);
  if (axis.interval) svg += stroke("range", axis.interval->low, axis.interval->high, 9, 9);
  if (axis.centre) svg += stroke("centre", *axis.centre, *axis.centre, 3, 15);
  return svg + "<circle class=\"value\" cx=\"" + at(axis.value) + "\" cy=\"9\" r=\"4\"/></svg>";
}

}  // namespace cigli
