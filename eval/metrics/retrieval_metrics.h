#pragma once

#include <torch/types.h>

namespace cigli {

// How images fit conditions by embeddings of either. Rows [N,D] of any float type; [N] float64 comes out.

// CLIPScore (Hessel et al. 2021, eq. 1): 2.5 max(cos(image, text), 0).
torch::Tensor clip_score(const torch::Tensor& images, const torch::Tensor& texts);
// RefCLIPScore (eq. 2): the harmonic mean of max(cos(image, text), 0) times 2.5, and the highest cosine of the text
// with its references [N,R,D], at least 0.
torch::Tensor reference_clip_score(const torch::Tensor& images, const torch::Tensor& texts,
                                   const torch::Tensor& references);

// R-precision (Xu et al. 2018, section 4.1): whether an image's own condition, row candidates[i][0] of `conditions`
// [M,D], has the highest inner product with it among the candidates [N,K] int64. Of c that share the highest,
// within 1e-5 of the product of lengths, each counts 1/c, so that conditions which are all the same give chance, 1/K.
torch::Tensor r_precision(const torch::Tensor& images, const torch::Tensor& conditions,
                          const torch::Tensor& candidates);

}  // namespace cigli
