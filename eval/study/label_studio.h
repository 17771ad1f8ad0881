#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/study/responses.h"

namespace cigli {

// Responses in Label Studio's JSON export of tasks that write_adapter wrote: one an annotator and list, its answers in
// the order of the list, its rater "label-studio:" and the annotator's e-mail address or number, its times those of its
// annotations; what an annotation took is shared out among its answers. Finished where all `questions` of all the
// list's trials are answered. Cancelled annotations count as none. `source` names the file; a response's is "FILE
// (RATER)". Tasks of another packet and what is no such task come into `refused`.
std::vector<StudyResponse> label_studio_responses(const nlohmann::json& tasks, const std::string& source,
                                                  const StudyKey& key, std::vector<std::string>& refused);

}  // namespace cigli
