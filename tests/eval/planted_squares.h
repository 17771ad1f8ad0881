#pragma once

#include <array>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "dataset/image.h"
#include "dataset/metadata.h"
#include "dataset/pack.h"
#include "runtime/philox.h"

namespace cigli {

// A small world that needs both inputs: the prompt shows a black square somewhere, the sentence names the colour that
// it has in the target; four rows share a prompt. Of `groups` prompts, at most 121, a quarter is planted: the sentence
// also says where the target's square is, which the prompt doesn't show; and another: the target is the prompt.
struct PlantedSquares {
  std::vector<Row> rows;
  std::vector<Image> prompts, targets;
  std::vector<std::string> planted;  // of each row: what tells its target alone, "sentence" or "prompt", or ""
};

inline PlantedSquares planted_squares(std::int64_t groups, std::uint64_t seed) {
  constexpr std::array<const char*, 4> colours = {"red", "green", "blue", "purple"};
  constexpr std::array<std::array<std::uint8_t, 3>, 4> values = {
      {{220, 20, 20}, {20, 180, 20}, {20, 20, 220}, {160, 20, 180}}};
  const auto square = [](std::int64_t x, std::int64_t y, const std::array<std::uint8_t, 3>& colour) {
    Image image(16, 16, 255);
    for (std::int64_t j = y; j < y + 6; ++j)
      for (std::int64_t i = x; i < x + 6; ++i)
        for (std::size_t c = 0; c < 3; ++c) image.at(i, j)[c] = colour[c];
    return image;
  };
  PlantedSquares made;
  Philox random(seed);
  std::vector<std::int64_t> places(11 * 11);  // another one for each prompt
  std::iota(places.begin(), places.end(), 0);
  for (std::int64_t g = 0; g < groups; ++g) {
    std::swap(places[static_cast<std::size_t>(g)],
              places[static_cast<std::size_t>(g) + random.below(places.size() - static_cast<std::size_t>(g))]);
    const std::int64_t x = places[static_cast<std::size_t>(g)] % 11, y = places[static_cast<std::size_t>(g)] / 11;
    for (std::size_t k = 0; k < colours.size(); ++k) {
      Row row;
      row.id = std::to_string(4 * g) + "-" + std::to_string(k);
      row.text = std::string("make it ") + colours[k];
      made.prompts.push_back(square(x, y, {0, 0, 0}));
      made.targets.push_back(square(x, y, values[k]));
      if (g % 4 == 1) {
        const bool left = random.below(2) == 0, top = random.below(2) == 0;
        row.text = std::string(colours[k]) + (top ? " top" : " bottom") + (left ? " left" : " right");
        made.targets.back() = square((left ? 0 : 8) + static_cast<std::int64_t>(random.below(3)),
                                     (top ? 0 : 8) + static_cast<std::int64_t>(random.below(3)), values[k]);
      } else if (g % 4 == 3) {
        made.targets.back() = made.prompts.back();
      }
      made.planted.push_back(g % 4 == 1 ? "sentence" : g % 4 == 3 ? "prompt" : "");
      made.rows.push_back(row);
    }
  }
  return made;
}

inline Pack write_pack(PlantedSquares& data, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  for (std::size_t i = 0; i < data.rows.size(); ++i) {
    Row& row = data.rows[i];
    row.prompt_file_name = "p" + std::to_string(i) + ".png";
    row.target_file_name = "t" + std::to_string(i) + ".png";
    write_png(folder / row.prompt_file_name, data.prompts[i]);
    write_png(folder / row.target_file_name, data.targets[i]);
  }
  write_metadata(folder, data.rows);
  PackOptions options;
  options.size = 16;
  pack_dataset(folder, folder / "pack", options);
  return Pack(folder / "pack");
}

}  // namespace cigli
