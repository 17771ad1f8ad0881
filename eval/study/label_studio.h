#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/study/responses.h"

namespace cigli {

// Names of Label Studio's controls: a question's, so that none is an image's.
std::string label_studio_name(const std::string& question);

// Responses in Label Studio's JSON export of tasks that write_adapter wrote: one an annotator and list, its answers in
// the order of the list, its rater "label-studio:" and the annotator's number, its times those of its annotations; what
// an annotation took is shared out among its answers, and not known where it does not tell. Finished where all is
// answered. Cancelled annotations count as none; of several by one annotator of one task the one changed last counts.
// `source` names the file; a response's is "FILE (RATER)". What can't be used comes into found.refused, what counts
// once into found.duplicates.
std::vector<StudyResponse> label_studio_responses(const nlohmann::json& tasks, const std::string& source,
                                                  const StudyKey& key, StudyResponses& found);

}  // namespace cigli
