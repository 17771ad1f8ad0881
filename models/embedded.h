#pragma once

#include <string_view>

namespace cigli {

// The model file models/shapes-64.safetensors, which is linked into the program: what `cigli generate` uses when no
// other model is named. It lives as long as the process.
std::string_view embedded_model();

// The scorer file models/shapes-64-scorer.safetensors, the same way: whose features `cigli evaluate` compares images
// by, and what it judges them with, when no other is named.
std::string_view embedded_scorer();

}  // namespace cigli
