#pragma once

#include <string>
#include <string_view>

namespace cigli {

// The page that shows a study to raters, style and script inside; it loads data.js and img/ beside it, and nothing
// else.
std::string study_page();

// The English wording of studies, TOML.
std::string_view study_wording();

}  // namespace cigli
