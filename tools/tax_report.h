#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "eval/efficiency/tax.h"

namespace cigli {

struct MeasuredBatch {
  std::int64_t batch;
  TaxReport report;
};

// Passes in one type of weights and activations, by batch size, the smallest first.
struct MeasuredBackend {
  std::string backend;
  std::vector<MeasuredBatch> batches;
  std::optional<LatencyFit> fit;  // of two batch sizes or more
  std::string advice;             // of the largest
};

// What `cigli tax` has measured.
struct TaxMeasurement {
  std::string of;                     // whose passes
  std::optional<std::int64_t> steps;  // of the sampler; none: passes are training steps
  MachineRoofs roofs;
  std::vector<MeasuredBackend> backends;
};

nlohmann::ordered_json tax_json(const TaxMeasurement& measurement);
// `rows` operators of the largest batch are listed.
std::string tax_text(const TaxMeasurement& measurement, std::int64_t rows);
void write_tax_page(const std::string& file, const TaxMeasurement& measurement, std::int64_t rows);

}  // namespace cigli
