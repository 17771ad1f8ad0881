#include "eval/study/page.h"

#include <c10/util/Exception.h>

#include "runtime/embed.h"

CIGLI_EMBED(cigli_study_html, CIGLI_STUDY_PAGE "/index.html")
CIGLI_EMBED(cigli_study_css, CIGLI_STUDY_PAGE "/study.css")
CIGLI_EMBED(cigli_study_js, CIGLI_STUDY_PAGE "/study.js")
CIGLI_EMBED(cigli_study_texts, CIGLI_STUDY_PAGE "/texts.toml")

namespace cigli {
namespace {

std::string with(std::string page, const std::string& place, const std::string& content) {
  const std::size_t at = page.find(place);
  TORCH_CHECK(at != std::string::npos, "the page has no ", place);
  return page.replace(at, place.size(), content);
}

}  // namespace

std::string study_page() {
  const auto text = [](std::string_view bytes) { return std::string(bytes); };
  std::string page = with(text(CIGLI_EMBEDDED(cigli_study_html)), "<link rel=\"stylesheet\" href=\"study.css\">",
                          "<style>\n" + text(CIGLI_EMBEDDED(cigli_study_css)) + "</style>");
  return with(page, "<script src=\"study.js\"></script>",
              "<script>\n" + text(CIGLI_EMBEDDED(cigli_study_js)) + "</script>");
}

std::string_view study_wording() { return CIGLI_EMBEDDED(cigli_study_texts); }

}  // namespace cigli
