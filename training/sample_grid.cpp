#include "training/sample_grid.h"

#include <algorithm>

#include "dataset/tensor_image.h"

namespace cigli {
namespace {

Image from_pixels(const std::uint8_t* pixels, std::int64_t width, std::int64_t height) {
  Image image(width, height);
  std::copy_n(pixels, image.pixels.size(), image.pixels.begin());
  return image;
}

}  // namespace

std::vector<SheetCard> sample_cards(Generator& model, const Pack& pack, const std::vector<std::int64_t>& indices,
                                    std::uint64_t seed) {
  const Batch batch = pack.batch(indices);
  std::vector<Request> requests;
  for (std::size_t i = 0; i < indices.size(); ++i)
    requests.push_back({batch.ids[i], batch.texts[i], batch.prompt[static_cast<std::int64_t>(i)], seed, 0});
  const std::vector<Image> images = to_images(model->sample(requests, model->options.sampling));
  std::vector<SheetCard> cards;
  for (std::size_t i = 0; i < indices.size(); ++i)
    cards.push_back({batch.texts[i],
                     {from_pixels(pack.prompt(indices[i]), pack.prompt_width(), pack.prompt_height()), images[i],
                      from_pixels(pack.target(indices[i]), pack.target_width(), pack.target_height())}});
  return cards;
}

}  // namespace cigli
