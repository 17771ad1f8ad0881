#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dataset/image.h"
#include "dataset/metadata.h"
#include "tests/temporary_folder.h"

namespace cigli {

// A dataset folder of `count` pairs at 16 px: the sentence names the colour of a disc, the prompt its place.
inline std::string make_tiny_dataset(const std::string& folder, std::int64_t count, const std::string& split = "") {
  std::filesystem::create_directories(folder);
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < count; ++i) {
    Image prompt(16, 16, 255), target(16, 16, 255);
    for (std::int64_t y = 4; y < 12; ++y)
      for (std::int64_t x = (i / 2) % 9; x < (i / 2) % 9 + 6; ++x)
        for (int c = 0; c < 3; ++c) {
          prompt.at(x, y)[c] = 0;
          target.at(x, y)[c] = c == (i % 2 == 0 ? 0 : 2) ? 220 : 30;
        }
    Row row;
    row.id = "pair-" + std::to_string(i);
    row.text = i % 2 == 0 ? "make it red" : "make it blue";
    row.prompt_file_name = "p" + std::to_string(i) + ".png";
    row.target_file_name = "t" + std::to_string(i) + ".png";
    row.split = split;
    write_png(folder + "/" + row.prompt_file_name, prompt);
    write_png(folder + "/" + row.target_file_name, target);
    rows.push_back(row);
  }
  write_metadata(folder, rows);
  return folder;
}

}  // namespace cigli
