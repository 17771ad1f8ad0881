#include "models/embedded.h"

#include <cstddef>

// clang-format off
#define CIGLI_EMBED(NAME, FILE)                               \
  asm(".pushsection .rodata\n"                               \
      ".balign 64\n"                                         \
      ".global " NAME "_begin, " NAME "_end\n" NAME          \
      "_begin:\n"                                            \
      ".incbin \"" FILE "\"\n" NAME                        \
      "_end:\n"                                              \
      ".popsection\n")
// clang-format on

CIGLI_EMBED("cigli_embedded_model", CIGLI_EMBEDDED_MODEL);
CIGLI_EMBED("cigli_embedded_scorer", CIGLI_EMBEDDED_SCORER);

extern "C" const char cigli_embedded_model_begin[], cigli_embedded_model_end[];
extern "C" const char cigli_embedded_scorer_begin[], cigli_embedded_scorer_end[];

namespace cigli {

std::string_view embedded_model() {
  return {cigli_embedded_model_begin, static_cast<std::size_t>(cigli_embedded_model_end - cigli_embedded_model_begin)};
}

std::string_view embedded_scorer() {
  return {cigli_embedded_scorer_begin,
          static_cast<std::size_t>(cigli_embedded_scorer_end - cigli_embedded_scorer_begin)};
}

}  // namespace cigli
