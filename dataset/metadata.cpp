#include "dataset/metadata.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/text.h"

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLongestLine = std::size_t{1} << 20;
constexpr int kDeepest = 64;  // copying and printing JSON recurse

std::string string_member(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) throw Error(std::string("no key \"") + key + "\"");
  if (!found->is_string())
    throw Error(std::string("key \"") + key + "\" is a JSON " + found->type_name() + ", expected a string");
  std::string value = found->get<std::string>();
  if (value.find_first_not_of(" \t\r\n") == std::string::npos) throw Error(std::string("empty \"") + key + "\"");
  if (value.find('\0') != std::string::npos) throw Error(std::string("NUL character in \"") + key + "\"");
  return value;
}

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

nlohmann::ordered_json parse_json_line(std::string_view line) {
  if (line.size() > kLongestLine)
    throw Error("line of " + human_bytes(static_cast<double>(line.size())) + ", expected at most " +
                human_bytes(kLongestLine));
  if (const std::size_t at = invalid_utf8(line); at != std::string_view::npos)
    throw Error("byte " + std::to_string(at + 1) + " of the line is not UTF-8");
  Json object;
  try {
    object = Json::parse(line.begin(), line.end(), [](int depth, Json::parse_event_t, Json&) {
      if (depth > kDeepest) throw Error("JSON nested deeper than " + std::to_string(kDeepest) + " levels");
      return true;
    });
  } catch (const Json::parse_error& error) {
    throw Error("malformed JSON at byte " + std::to_string(error.byte) + " of the line, expected one object a line");
  } catch (const Json::exception&) {  // a number out of range
    throw Error("malformed JSON, expected one object a line");
  }
  if (!object.is_object()) throw Error(std::string("a JSON ") + object.type_name() + ", expected an object");
  return object;
}

std::filesystem::path metadata_file(const std::filesystem::path& folder) {
  return std::filesystem::is_directory(folder) ? folder / "metadata.jsonl" : folder;
}

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
