#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cigli {

// One pair of a dataset folder: a line of its `metadata.jsonl` (the Hugging Face image-folder convention). Keys beyond
// these survive a round trip in `object`, in their order.
struct Row {
  std::string id, text;
  std::string prompt_file_name, target_file_name;  // relative to the folder
  std::string split;                               // "" when the row names none
  nlohmann::ordered_json object;                   // the whole line
  std::int64_t line = 0;                           // 1-based line number
};

// A row that can't be used: its line and what is wrong with it.
struct RowFault {
  std::int64_t line = 0;
  std::string id;      // "" when unknown
  std::string reason;  // one line
};

struct Metadata {
  std::vector<Row> rows;
  std::vector<RowFault> faults;  // malformed JSON, missing or mistyped key, empty text, non-UTF-8, `../`, duplicate id
};

// The file itself: `folder/metadata.jsonl`, or `folder` when that is a file.
std::filesystem::path metadata_file(const std::filesystem::path& folder);
// Where the images that it names lie: the folder that it is in.
std::filesystem::path image_folder(const std::filesystem::path& folder);

// Goes through the file line by line; memory grows with the ids alone. Throws Error when the file can't be read.
void scan_metadata(const std::filesystem::path& folder, const std::function<void(Row&&)>& on_row,
                   const std::function<void(RowFault&&)>& on_fault);

// Reads `folder/metadata.jsonl` (or the file itself when a file is given). Faulty lines go to `faults`, all others to
// `rows`. Throws Error only when the file can't be read at all.
Metadata read_metadata(const std::filesystem::path& folder);
// The same, but the first fault throws Error "FILE:LINE: reason".
std::vector<Row> read_metadata_strict(const std::filesystem::path& folder);

// Atomically writes `folder/metadata.jsonl`: `object` with the named members laid over it.
void write_metadata(const std::filesystem::path& folder, const std::vector<Row>& rows);

}  // namespace cigli
