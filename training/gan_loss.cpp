#include "training/gan_loss.h"

#include <algorithm>
#include <vector>

namespace cigli {

using torch::Tensor;

Mismatch mismatched_rows(std::int64_t batch, std::uint64_t roll,
                         const std::function<bool(std::int64_t, std::int64_t)>& same) {
  Mismatch result{torch::arange(batch), torch::zeros({batch}, torch::kBool)};
  auto* rows = result.rows.data_ptr<std::int64_t>();
  bool* valid = result.valid.data_ptr<bool>();
  if (batch < 2) return result;
  const auto others = static_cast<std::uint64_t>(batch - 1);
  for (std::int64_t i = 0; i < batch; ++i)
    for (std::uint64_t tried = 0; tried < others && !valid[i]; ++tried) {
      const auto shift = static_cast<std::int64_t>((roll % others + tried) % others) + 1;
      const std::int64_t j = (i + shift) % batch;
      if (same(i, j)) continue;
      rows[i] = j;
      valid[i] = true;
    }
  return result;
}

Mismatch moved(const Mismatch& mismatch, torch::Device device) {
  return {mismatch.rows.to(device), mismatch.valid.to(device)};
}

Tensor hinge_accept(const Tensor& logits) { return torch::relu(1 - logits).mean(); }

Tensor hinge_refuse(const Tensor& logits, const Tensor& rows) {
  const Tensor loss = torch::relu(1 + logits);
  if (!rows.defined()) return loss.mean();
  const Tensor weight = rows.to(loss.scalar_type());
  return (loss * weight).sum() / weight.sum().clamp_min(1);
}

Tensor r1_penalty(const Tensor& logits, const Tensor& images) {
  const Tensor slope = torch::autograd::grad({logits.sum()}, {images}, {}, true, true)[0];
  return slope.to(torch::kFloat32).square().sum({1, 2, 3}).mean() / 2;
}

DiscriminatorTerms discriminator_terms(Discriminator& discriminator, const JudgedBatch& batch, bool penalty) {
  const Tensor images = penalty ? batch.real.detach().clone().requires_grad_() : batch.real;
  const JudgedCondition own = discriminator->condition(batch.text, batch.prompt);
  const Tensor real = discriminator->features(images);
  const Tensor accepted = discriminator->judge(real, own);
  const JudgedCondition other_text{own.sentence.index_select(0, batch.other_text.rows), own.prompt};
  const JudgedCondition other_prompt{own.sentence, own.prompt.index_select(0, batch.other_prompt.rows)};
  DiscriminatorTerms terms;
  terms.real = hinge_accept(accepted);
  terms.fake = hinge_refuse(discriminator->judge(discriminator->features(batch.fake.detach()), own));
  terms.text = hinge_refuse(discriminator->judge(real, other_text), batch.other_text.valid);
  terms.prompt = hinge_refuse(discriminator->judge(real, other_prompt), batch.other_prompt.valid);
  if (penalty) terms.r1 = r1_penalty(accepted, images);
  return terms;
}

Tensor discriminator_loss(const DiscriminatorTerms& terms, double mismatch) {
  return terms.real + (1 - mismatch) * terms.fake + mismatch / 2 * (terms.text + terms.prompt);
}

Tensor adversarial_loss(Discriminator& discriminator, const JudgedBatch& batch) {
  const JudgedCondition own = discriminator->condition(batch.text, batch.prompt);
  return -discriminator->judge(discriminator->features(batch.fake), own).mean();
}

}  // namespace cigli
