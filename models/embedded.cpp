#include "models/embedded.h"

#include "runtime/embed.h"

CIGLI_EMBED(cigli_embedded_model, CIGLI_EMBEDDED_MODEL)
CIGLI_EMBED(cigli_embedded_scorer, CIGLI_EMBEDDED_SCORER)

namespace cigli {

std::string_view embedded_model() { return CIGLI_EMBEDDED(cigli_embedded_model); }
std::string_view embedded_scorer() { return CIGLI_EMBEDDED(cigli_embedded_scorer); }

}  // namespace cigli
