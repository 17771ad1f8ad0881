#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "eval/study/key.h"
#include "runtime/philox.h"

namespace cigli {

// What a simulated rater answers to a question about a trial.
using SimulatedAnswer = std::function<std::string(const StudyTrialKey& trial, const StudyQuestion& question)>;

// The file that the page would save for one who answers the whole list, or its first `answers` questions. Repeats are
// answered as the first time, checks as they ask for, unless `careless`: then by `answer`, as all else.
std::string simulated_response(const StudyKey& key, std::int64_t list, const std::string& rater,
                               const SimulatedAnswer& answer, bool careless = false, std::int64_t answers = -1,
                               double seconds = 5);

// Who answers for the system `better` with this probability, ties at `ties`; in pairs.
SimulatedAnswer prefers(const std::string& better, double probability, double ties, Philox& random);

}  // namespace cigli
