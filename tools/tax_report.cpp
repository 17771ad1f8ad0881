#include "tools/tax_report.h"

#include <cstdio>

#include "runtime/device.h"
#include "runtime/files.h"
#include "runtime/text.h"
#include "tools/report_page.h"
#include "tools/roofline_chart.h"

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

std::string formatted(const char* format, double a, double b = 0, double c = 0, double d = 0) {
  char text[192];
  std::snprintf(text, sizeof text, format, a, b, c, d);
  return text;
}

std::string title_of(const TaxMeasurement& measurement) {
  return measurement.of +
         (measurement.steps ? ", " + std::to_string(*measurement.steps) + " sampler steps" : ", a training step");
}

std::string roofs_text(const MachineRoofs& roofs) {
  const auto of_type = [](const char* type, const ComputeRoofs& roof) {
    return type + formatted(" product %.0f, convolution %.0f GFLOP/s; ", roof.gemm / 1e9, roof.convolution / 1e9);
  };
  return "roofs: " + of_type("fp32", roofs.fp32) + (roofs.bf16 ? of_type("bf16", *roofs.bf16) : "") +
         formatted("copy %.1f GB/s", roofs.copy / 1e9);
}

std::string fit_text(const LatencyFit& fit) {
  const auto milliseconds = [](double value, const Interval& interval) {
    return formatted("%.2f ms [%.2f, %.2f]", 1e3 * value, 1e3 * interval.low, 1e3 * interval.high);
  };
  return "time of b images: " + milliseconds(fit.fixed, fit.fixed_interval) + " + b " +
         milliseconds(fit.per_item, fit.per_item_interval) +
         formatted(", off by %.1f %%; computing dominates from batch %.1f [%.1f, %.1f]", 100 * fit.residual,
                   fit.crossover, fit.crossover_interval.low, fit.crossover_interval.high);
}

std::vector<TableLine> batch_lines(const MeasuredBackend& measured) {
  std::vector<TableLine> lines{{"batch", "ms", "ms an image", "ideal ms", "tax", "operators"}};
  for (const auto& [batch, report] : measured.batches)
    lines.push_back({std::to_string(batch), formatted("%.2f", 1e3 * report.measured),
                     formatted("%.2f", 1e3 * report.measured / static_cast<double>(batch)),
                     formatted("%.2f", 1e3 * report.ideal), formatted("%.0f %%", 100 * report.tax),
                     std::to_string(report.operators)});
  return lines;
}

std::string backend_text(const MeasuredBackend& measured, std::int64_t rows) {
  std::string text = "\n" + measured.backend + "\n" + (measured.fit ? fit_text(*measured.fit) + "\n" : "");
  for (const TableLine& line : batch_lines(measured)) {
    char cells[128];
    std::snprintf(cells, sizeof cells, "%8s %10s  %12s %10s %7s  %10s\n", line[0].c_str(), line[1].c_str(),
                  line[2].c_str(), line[3].c_str(), line[4].c_str(), line[5].c_str());
    text += cells;
  }
  const MeasuredBatch& largest = measured.batches.back();
  return text + "\nbatch " + std::to_string(largest.batch) + ": " +
         to_table(largest.report, static_cast<std::size_t>(rows)) + "\nadvice: " + measured.advice + "\n";
}

std::string backend_html(const MeasuredBackend& measured, const TaxMeasurement& measurement, std::int64_t rows) {
  const auto paragraph = [](const std::string& text) { return "<p>" + escape_html(text) + "</p>\n"; };
  const MeasuredBatch& largest = measured.batches.back();
  const std::string batch = "batch " + std::to_string(largest.batch);
  const std::string ran = as_they_ran(largest.report);
  return "<h2>" + measured.backend + "</h2>\n" + report_table(batch_lines(measured), "time of a pass by batch size") +
         (measured.fit ? paragraph(fit_text(*measured.fit)) : "") + paragraph("Advice: " + measured.advice) +
         roofline_chart(largest.report, measurement.roofs,
                        title_of(measurement) + ", " + measured.backend + ", " + batch) +
         report_table(operator_lines(largest.report, static_cast<std::size_t>(rows)), "operators, " + batch) +
         paragraph(summary_text(largest.report)) +
         (ran.empty() ? "" : paragraph("Can't be run alone, counted as they ran: " + ran));
}

}  // namespace

Json tax_json(const TaxMeasurement& measurement) {
  Json json{{"runtime", runtime_description()},
            {"of", measurement.of},
            {"pass", measurement.steps ? "sampling" : "training step"}};
  if (measurement.steps) json["steps"] = *measurement.steps;
  json["roofs"] = to_json(measurement.roofs);
  json["backends"] = Json::array();
  for (const MeasuredBackend& each : measurement.backends) {
    Json batches = Json::array();
    for (const MeasuredBatch& batch : each.batches) {
      batches.push_back({{"batch", batch.batch}});
      batches.back().update(to_json(batch.report));
    }
    json["backends"].push_back({{"backend", each.backend},
                                {"fit", each.fit ? to_json(*each.fit) : Json()},
                                {"advice", each.advice},
                                {"batches", batches}});
  }
  return json;
}

std::string tax_text(const TaxMeasurement& measurement, std::int64_t rows) {
  std::string text = title_of(measurement) + "\n" + runtime_description() + "\n" + roofs_text(measurement.roofs) + "\n";
  for (const MeasuredBackend& each : measurement.backends) text += backend_text(each, rows);
  return text;
}

void write_tax_page(const std::string& file, const TaxMeasurement& measurement, std::int64_t rows) {
  std::string body =
      "<p>" + escape_html(runtime_description()) + "; " + escape_html(roofs_text(measurement.roofs)) + "</p>\n";
  for (const MeasuredBackend& each : measurement.backends) body += backend_html(each, measurement, rows);
  write_file(file, report_page("Where the time goes: " + title_of(measurement), body));
}

}  // namespace cigli
