#include "training/gan_options.h"

namespace cigli {

void DiscriminatorOptions::visit(Fields& f) {
  f("patch", patch, "pixels a side of a cell of the finest feature maps", Range{1, 64});
  f("widths", widths, "channels a resolution of the image, finest first", Range{8, 4096});
  f("prompt_widths", prompt_widths, "channels a resolution of the image prompt, finest first", Range{8, 4096});
  f("text_width", text_width, "channels of a text token and of the sentence", Range{8, 4096});
  f("text_layers", text_layers, "transformer blocks of the text encoder", Range{0, 64});
  f("text_heads", text_heads, "attention heads of the text encoder", Range{1, 64});
}

void GanOptions::visit(Fields& f) {
  f("learning_rate", learning_rate,
    "learning rate of the discriminator, by Adam, after warm-up; learning_rate is the generator's", Range{0});
  f("mismatch", mismatch, "share of real images with another text or prompt in what the discriminator learns to refuse",
    Range{0, 1});
  f("r1", r1, "weight of the discriminator's gradient penalty on real images, 0 = none", Range{0});
  f("r1_every", r1_every, "steps between gradient penalties, each of them weighted by as many", Range{1, 1e6});
  f("reconstruction", reconstruction, "weight of the generator's mean squared error, 0 = none", Range{0});
  f.group("discriminator", discriminator);
}

}  // namespace cigli
