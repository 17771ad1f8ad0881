#include "dataset/metadata.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "dataset/json_line.h"
#include "runtime/error.h"
#include "runtime/files.h"

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

void read_members(Row& row, const std::filesystem::path& folder) {
  row.id = string_member(row.object, "id");
  row.text = string_member(row.object, "text");
  row.prompt_file_name = string_member(row.object, "prompt_file_name");
  row.target_file_name = string_member(row.object, "target_file_name");
  join_inside(folder, row.prompt_file_name, "prompt_file_name");
  join_inside(folder, row.target_file_name, "target_file_name");
  const auto split = row.object.find("split");
  if (split != row.object.end() && !split->is_null()) row.split = string_member(row.object, "split");
}

}  // namespace

std::filesystem::path metadata_file(const std::filesystem::path& folder) {
  return std::filesystem::is_directory(folder) ? folder / "metadata.jsonl" : folder;
}

std::filesystem::path image_folder(const std::filesystem::path& folder) { return metadata_file(folder).parent_path(); }

void scan_metadata(const std::filesystem::path& folder, const std::function<void(Row&&)>& on_row,
                   const std::function<void(RowFault&&)>& on_fault) {
  const std::filesystem::path file = metadata_file(folder);
  std::error_code unknown;
  if (std::filesystem::file_size(file, unknown) == 0 && !unknown) return;
  const MappedFile mapped(file);
  const std::string_view bytes = mapped.bytes();
  std::unordered_map<std::string, std::int64_t> lines;  // id -> where it stood first
  std::int64_t number = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    const std::string_view line = bytes.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    Row row;
    row.line = number;
    try {
      row.object = parse_json_line(line);
      read_members(row, file.parent_path());
      const auto [first, fresh] = lines.emplace(row.id, number);
      if (!fresh) throw Error("duplicate id \"" + row.id + "\", first on line " + std::to_string(first->second));
    } catch (const Error& error) {
      on_fault({number, row.id, error.what()});
      continue;
    }
    on_row(std::move(row));
  }
}

Metadata read_metadata(const std::filesystem::path& folder) {
  Metadata metadata;
  scan_metadata(
      folder, [&](Row&& row) { metadata.rows.push_back(std::move(row)); },
      [&](RowFault&& fault) { metadata.faults.push_back(std::move(fault)); });
  return metadata;
}

std::vector<Row> read_metadata_strict(const std::filesystem::path& folder) {
  std::vector<Row> rows;
  scan_metadata(
      folder, [&](Row&& row) { rows.push_back(std::move(row)); },
      [&](RowFault&& fault) {
        throw Error(metadata_file(folder).string() + ":" + std::to_string(fault.line) + ": " + fault.reason);
      });
  return rows;
}

void write_metadata(const std::filesystem::path& folder, const std::vector<Row>& rows) {
  const std::filesystem::path file = folder / "metadata.jsonl";
  write_file(file, [&](const ByteSink& sink) {
    for (const Row& row : rows) {
      Json object = row.object;
      object["id"] = row.id;
      object["text"] = row.text;
      object["prompt_file_name"] = row.prompt_file_name;
      object["target_file_name"] = row.target_file_name;
      if (!row.split.empty())
        object["split"] = row.split;
      else
        object.erase("split");
      std::string line;
      try {
        line = object.dump() + '\n';
      } catch (const Json::exception&) {
        throw Error(file.string() + ": row \"" + row.id + "\" holds text that is not UTF-8");
      }
      sink(line.data(), line.size());
    }
  });
}

}  // namespace cigli
