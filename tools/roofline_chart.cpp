#include "tools/roofline_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "runtime/text.h"

namespace cigli {
namespace {

constexpr double kLeft = 64, kTop = 44, kWidth = 620, kHeight = 330;
constexpr std::size_t kNamed = 8;

template <class... Values>
std::string printed(const char* format, Values... values) {
  char text[320];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

// Places on two logarithmic scales: operations a byte, and operations a second.
struct Scales {
  double left, right, bottom, top;  // powers of ten
  double x(double intensity) const { return kLeft + kWidth * (std::log10(intensity) - left) / (right - left); }
  double y(double rate) const { return kTop + kHeight * (top - std::log10(rate)) / (top - bottom); }
};

struct Roof {
  std::string name;
  double rate;
};

std::vector<Roof> roofs_of(const MachineRoofs& roofs) {
  std::vector<Roof> all{{"fp32 product", roofs.fp32.gemm}, {"fp32 convolution", roofs.fp32.convolution}};
  if (roofs.bf16) {
    all.push_back({"bf16 product", roofs.bf16->gemm});
    all.push_back({"bf16 convolution", roofs.bf16->convolution});
  }
  std::sort(all.begin(), all.end(), [](const Roof& a, const Roof& b) { return a.rate > b.rate; });
  return all;
}

double intensity_of(const OperatorCost& cost) { return cost.flops / cost.bytes; }
double rate_of(const OperatorCost& cost) { return cost.flops / cost.seconds; }

Scales scales_of(const std::vector<const OperatorCost*>& drawn, const std::vector<Roof>& roofs, double copy) {
  double least = roofs.back().rate / copy, most = roofs.front().rate / copy;
  double slowest = roofs.back().rate, fastest = roofs.front().rate;
  for (const OperatorCost* cost : drawn) {
    least = std::min(least, intensity_of(*cost));
    most = std::max(most, intensity_of(*cost));
    slowest = std::min(slowest, rate_of(*cost));
    fastest = std::max(fastest, rate_of(*cost));  // above the roofs, where fewer operations do
  }
  const auto below = [](double value) { return std::floor(std::log10(value)); };
  const auto above = [](double value) { return std::ceil(std::log10(value)); };
  return {below(least), above(most), below(slowest), above(fastest)};
}

std::string grid(const Scales& s) {
  std::string svg;
  for (double power = s.left; power <= s.right; ++power) {
    const double x = s.x(std::pow(10, power));
    svg += printed("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#e4e4e4\"/>", x, x, kTop,
                   kTop + kHeight);
    svg += printed("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%g</text>", x, kTop + kHeight + 16,
                   std::pow(10, power));
  }
  for (double power = s.bottom; power <= s.top; ++power) {
    const double y = s.y(std::pow(10, power));
    svg += printed("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#e4e4e4\"/>", kLeft, kLeft + kWidth,
                   y, y);
    svg +=
        printed("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%g</text>", kLeft - 6, y + 4, std::pow(10, power - 9));
  }
  svg += printed("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">operations a byte</text>", kLeft + kWidth / 2,
                 kTop + kHeight + 34);
  return svg + printed("<text transform=\"translate(16 %.1f) rotate(-90)\" text-anchor=\"middle\">GFLOP/s</text>",
                       kTop + kHeight / 2);
}

// The slope of the copy up to each roof, and the roof from there on.
std::string lines_of(const Scales& s, const std::vector<Roof>& roofs, double copy) {
  const double start = std::max(std::pow(10, s.left), std::pow(10, s.bottom) / copy);
  std::string svg =
      printed("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#444\" stroke-width=\"1.5\"/>",
              s.x(start), s.y(start * copy), s.x(roofs.front().rate / copy), s.y(roofs.front().rate));
  svg +=
      printed("<text x=\"%.1f\" y=\"%.1f\">copy %.1f GB/s</text>", s.x(start) + 40, s.y(start * copy) - 2, copy / 1e9);
  double label = 0;
  for (const Roof& roof : roofs) {
    const double y = s.y(roof.rate);
    label = std::max(y - 5, label + 13);  // names of roofs that lie close together stand below each other
    svg += printed("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#444\" stroke-width=\"1.5\"/>",
                   s.x(roof.rate / copy), y, kLeft + kWidth, y);
    svg += printed("<text x=\"%.1f\" y=\"%.1f\">%s %.0f</text>", kLeft + kWidth + 8, label, roof.name.c_str(),
                   roof.rate / 1e9);
  }
  return svg;
}

std::string circle(const OperatorCost& cost, const Scales& s) {
  const bool convolves = cost.call.name.find("convolution") != std::string::npos;
  return printed("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\" fill-opacity=\".3\" stroke=\"%s\"/>",
                 s.x(intensity_of(cost)), s.y(rate_of(cost)), std::max(2.5, 40 * std::sqrt(cost.share)),
                 convolves ? "#0a4c9b" : "#b3471d", convolves ? "#0a4c9b" : "#b3471d");
}

std::string number(const OperatorCost& cost, std::size_t place, const Scales& s) {
  return printed("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" font-weight=\"600\" fill=\"#111\">%zu</text>",
                 s.x(intensity_of(cost)), s.y(rate_of(cost)) + 4, place + 1);
}

std::string legend_line(const OperatorCost& cost, std::size_t place) {
  const std::string roof = cost.of_roof ? printed(", %.0f %% of its roof", 100 * *cost.of_roof) : "";
  return printed("<text x=\"%.1f\" y=\"%.1f\">%zu&#160; ", kLeft, kTop + kHeight + 62 + 17 * static_cast<double>(place),
                 place + 1) +
         escape_html(short_name(cost.call) + " " + clipped(tensors_text(cost.call), 52)) +
         printed(": %.1f %% of the time, %.0f GFLOP/s", 100 * cost.share, rate_of(cost) / 1e9) + roof + "</text>";
}

}  // namespace

std::string roofline_chart(const TaxReport& report, const MachineRoofs& roofs, const std::string& title) {
  std::vector<const OperatorCost*> drawn;  // the greatest first, as in the report
  double share = 0;
  for (const OperatorCost& cost : report.costs) {
    if (!(cost.flops > 0 && cost.bytes > 0 && cost.seconds > 0)) continue;
    drawn.push_back(&cost);
    share += cost.share;
  }
  const std::vector<Roof> all = roofs_of(roofs);
  const Scales scales = scales_of(drawn, all, roofs.copy);
  const std::size_t named = std::min(kNamed, drawn.size());
  const double height = kTop + kHeight + 66 + 17 * static_cast<double>(named);
  std::string svg = printed(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 840 %.0f\" font-family=\"system-ui, "
      "sans-serif\" font-size=\"12\" fill=\"#333\">",
      height);
  svg += "<title>" + escape_html("Roofline: " + title) + "</title>";
  svg += printed("<rect width=\"840\" height=\"%.0f\" fill=\"#fff\"/><text x=\"%.1f\" y=\"18\" font-size=\"14\">",
                 height, kLeft) +
         escape_html(title) + "</text>" +
         printed(
             "<text x=\"%.1f\" y=\"35\">circles: products and convolutions, %.0f %% of the time; area: share of "
             "it</text>\n",
             kLeft, 100 * share);
  svg += grid(scales) + "\n" + lines_of(scales, all, roofs.copy) + "\n";
  for (const OperatorCost* cost : drawn) svg += circle(*cost, scales);
  svg += "\n";
  for (std::size_t i = 0; i < named; ++i) svg += number(*drawn[i], i, scales) + legend_line(*drawn[i], i) + "\n";
  return svg + "</svg>\n";
}

}  // namespace cigli
