#include "models/embedded.h"

#include <cstddef>

// clang-format off
asm(R"(
  .pushsection .rodata
  .balign 64
  .global cigli_embedded_model_begin, cigli_embedded_model_end
cigli_embedded_model_begin:
  .incbin ")" CIGLI_EMBEDDED_MODEL R"("
cigli_embedded_model_end:
  .popsection
)");
// clang-format on

extern "C" const char cigli_embedded_model_begin[], cigli_embedded_model_end[];

namespace cigli {

std::string_view embedded_model() {
  return {cigli_embedded_model_begin, static_cast<std::size_t>(cigli_embedded_model_end - cigli_embedded_model_begin)};
}

}  // namespace cigli
