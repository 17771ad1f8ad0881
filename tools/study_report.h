#pragma once

#include <filesystem>

#include "tools/study_results.h"

namespace cigli {

// Writes one HTML page without scripts or other files: results with intervals drawn, with and without the exclusions,
// agreement, raters, the items raters disagree on most with their images, and a reporting sheet. Images are those of
// the key's files; one that is gone or has changed since the export leaves a gap that says so. Throws Error where
// `file` can't be written.
void write_study_report(const std::filesystem::path& file, const StudyResults& report);

}  // namespace cigli
