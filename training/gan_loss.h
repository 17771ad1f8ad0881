#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>

#include "encoders/tokenizer.h"
#include "training/discriminator.h"

namespace cigli {

// For every row of a batch another row that does not have the same, as `same` below tells it. Of texts that is their
// wording: two sentences that say the same in other words count as different, so that now and then the discriminator is
// told to refuse what belongs together.
struct Mismatch {
  torch::Tensor rows;   // [B] int64: row i gets what row rows[i] has
  torch::Tensor valid;  // [B] bool; false where the batch holds nothing else than what row i has
};
// Rows rolled by 1 + roll mod (B - 1), which gives no row its own; a row for which `same(i, j)` (does row j hold the
// same as row i?) goes on to the next that differs.
Mismatch mismatched_rows(std::int64_t batch, std::uint64_t roll,
                         const std::function<bool(std::int64_t, std::int64_t)>& same);
// The same on a device.
Mismatch moved(const Mismatch& mismatch, torch::Device device);

// Mean of max(0, 1 - logit) and of max(0, 1 + logit): the hinge loss of a discriminator for what it is to accept and to
// refuse (Lim & Ye 2017; Miyato et al. 2018, eq. 16). With `rows` [B] bool, of those rows alone (0 if none).
torch::Tensor hinge_accept(const torch::Tensor& logits);
torch::Tensor hinge_refuse(const torch::Tensor& logits, const torch::Tensor& rows = {});

// 1/2 of the mean of |d logit / d image|^2 (R1: Mescheder et al. 2018, eq. 9 without gamma), differentiable. `images`
// [B,3,H,W] must have required gradients before the logits [B] were computed of them.
torch::Tensor r1_penalty(const torch::Tensor& logits, const torch::Tensor& images);

// A batch before the discriminator.
struct JudgedBatch {
  TokenBatch text;
  torch::Tensor prompt;      // [B,3,Hp,Wp]
  torch::Tensor real, fake;  // [B,3,H,W]; real in [-1,1], fake as the generator draws it for this text and prompt
  Mismatch other_text, other_prompt;
};

// Scalars, each with its gradient.
struct DiscriminatorTerms {
  torch::Tensor real;    // real image, its own text and prompt: accept
  torch::Tensor fake;    // generated image: refuse
  torch::Tensor text;    // real image with another row's text: refuse
  torch::Tensor prompt;  // real image with another row's prompt: refuse
  torch::Tensor r1;      // at the real, matching pairs; undefined unless asked for
};
DiscriminatorTerms discriminator_terms(Discriminator& discriminator, const JudgedBatch& batch, bool penalty);

// real + (1 - mismatch) fake + mismatch (text + prompt) / 2.
torch::Tensor discriminator_loss(const DiscriminatorTerms& terms, double mismatch);

// Minus the mean logit of the fake images: the generator's hinge loss (Miyato et al. 2018, eq. 17).
torch::Tensor adversarial_loss(Discriminator& discriminator, const JudgedBatch& batch);

}  // namespace cigli
