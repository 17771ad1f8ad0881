#pragma once

#include <cstdint>

namespace cigli {

// Factors of one AdamW step, the same for every value of a parameter.
struct AdamwScalars {
  float gradient_scale = 1;  // clipping
  float beta1 = 0, beta2 = 0;
  float rest1 = 1, rest2 = 1;  // 1 - beta
  float step_size = 0;         // learning rate / (1 - beta1^t)
  float root_scale = 1;        // 1 / sqrt(1 - beta2^t)
  float epsilon = 0;
  float shrink = 1;        // 1 - learning rate * weight decay
  float average_rest = 1;  // what the average takes of the new value
};

struct AdamwBuffers {
  float *master, *first, *second, *average;
};

// Updates `count` values: g = scale * gradient; m, v are the moments; master = shrink * master - step_size * m /
// (root_scale * sqrt(v) + epsilon); the average moves towards the master; the parameter becomes the master, rounded to
// nearest even for bfloat16 (given as its bits).
void adamw_update(float* parameter, const float* gradient, const AdamwBuffers& buffers, std::int64_t count,
                  const AdamwScalars& scalars);
void adamw_update_bf16(std::uint16_t* parameter, const std::uint16_t* gradient, const AdamwBuffers& buffers,
                       std::int64_t count, const AdamwScalars& scalars);

}  // namespace cigli
