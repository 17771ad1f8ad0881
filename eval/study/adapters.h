#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "eval/study/packet.h"

namespace cigli {

// Platforms that bring raters: "mturk", "prolific", "label-studio".
const std::vector<std::string>& study_adapters();

// Writes what a platform needs to hand out the lists of a packet that lies at the address `host`, into the new folder:
// - mturk: hits.csv (columns list, url), a HIT a list, and template.html, which links to the study with the worker's id
//   and takes the answers' text in the field `study`, so that Mechanical Turk's table of results is read as it is;
// - prolific: lists.csv (columns list, url, code, completion): addresses with Prolific's parameters and completion
// codes;
// - label-studio: labels.xml and list-K.json, a project a list: its tasks in order, without what checks are.
// Throws Error where a file can't be written.
void write_adapter(const std::string& adapter, const std::filesystem::path& folder, const StudyPacket& packet,
                   const std::string& host);

// The page to which Prolific wants raters sent, with {code} in it; a study's texts take it as completion_url.
std::string prolific_completion_url();

}  // namespace cigli
