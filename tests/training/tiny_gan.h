#pragma once

#include <string>

#include "tests/training/tiny_run.h"

namespace cigli {

// A tiny GAN on the tiny data.
inline TrainOptions tiny_gan_options(const std::string& data, const std::string& out,
                                     const std::string& fusion = "joint") {
  TrainOptions o = tiny_options(data, out);
  o.optimizer.beta1 = 0;
  o.schedule.learning_rate = 1e-3;
  o.gan.r1_every = 2;
  o.gan.discriminator.widths = {16, 32};
  o.gan.discriminator.prompt_widths = {16, 16};
  o.gan.discriminator.text_width = 16;
  o.model.fusion.kind = fusion;
  o.model.decoder.kind = "gan";
  o.model.decoder.patch = 2;
  o.model.decoder.widths = {16, 32};
  o.model.decoder.latent = 16;
  o.model.sampling.steps = 1;
  return o;
}

// The smaller model options that a tiny pair of networks is made of, 16 px.
inline ModelOptions tiny_gan_model(const std::string& fusion) {
  ModelOptions model = tiny_gan_options("", "", fusion).model;
  model.height = model.width = model.prompt_height = model.prompt_width = 16;
  return model;
}

}  // namespace cigli
