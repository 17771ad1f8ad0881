#include "dataset/requests.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <unordered_map>

#include "dataset/check.h"
#include "dataset/csv.h"
#include "dataset/json_line.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/text.h"

namespace cigli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t most_images = 10000;  // of one request

// An id becomes a file name: no separators, no control characters, nothing hidden.
void check_id(const std::string& id) {
  if (!can_be_file_name(id))
    throw Error("id \"" + clipped(id, 60) + "\" is no safe file name, expected 1-200 bytes with no slash, control " +
                "character or leading dot");
}

void read_image_name(const Json& object, const std::filesystem::path& folder, ImageRequest& row) {
  const bool plain = object.contains("image");
  const char* key = plain ? "image" : "prompt_file_name";
  if (!plain && !object.contains(key)) throw Error("no key \"image\" (nor \"prompt_file_name\")");
  row.image_name = string_member(object, key);
  row.image = row.image_name;
  if (!plain || !row.image.is_absolute())
    row.image = join_inside(folder, row.image_name, key);
  else if (std::find(row.image.begin(), row.image.end(), "..") != row.image.end())
    throw Error("image: \"" + row.image_name + "\" has a \"..\" component, expected a path without");
}

std::optional<std::uint64_t> whole_member(const Json& object, const char* key, std::uint64_t least,
                                          std::uint64_t most) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::nullopt;
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() < least || found->get<std::uint64_t>() > most)
    throw Error(std::string("key \"") + key + "\" is " + found->dump() + ", expected a whole number from " +
                std::to_string(least) + " to " + std::to_string(most));
  return found->get<std::uint64_t>();
}

// CSV knows only strings: whole numbers become numbers, empty cells of optional columns vanish.
Json object_of(const std::vector<std::string>& header, const std::vector<std::string>& cells) {
  if (cells.size() != header.size())
    throw Error(std::to_string(cells.size()) + " cells, expected " + std::to_string(header.size()) +
                " as in the header line");
  Json object = Json::object();
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::string& cell = cells[i];
    if (const std::size_t at = invalid_utf8(cell); at != std::string_view::npos)
      throw Error("column \"" + header[i] + "\" is not UTF-8");
    const bool numeric = header[i] == "seed" || header[i] == "n";
    std::uint64_t number = 0;
    const auto [end, problem] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
    if (numeric && cell.empty()) continue;
    if (numeric && problem == std::errc() && end == cell.data() + cell.size())
      object[header[i]] = number;
    else
      object[header[i]] = cell;
  }
  return object;
}

class RequestReader {
 public:
  RequestReader(const std::filesystem::path& file, const RequestFilter& filter)
      : folder_(file.parent_path()), filter_(filter) {}

  bool full() const { return static_cast<std::int64_t>(list_.rows.size()) >= filter_.limit; }

  // `parse` gives the row's object or throws Error with the reason.
  void add(std::int64_t line, const std::function<Json()>& parse) {
    ImageRequest row;
    row.line = line;
    try {
      const Json object = parse();
      if (!selected(object)) return;
      row.id = string_member(object, "id");
      check_id(row.id);
      const auto [first, fresh] = lines_.emplace(row.id, line);
      if (!fresh) throw Error("duplicate id \"" + row.id + "\", first on line " + std::to_string(first->second));
      row.text = string_member(object, "text");
      read_image_name(object, folder_, row);
      row.seed = whole_member(object, "seed", 0, std::numeric_limits<std::uint64_t>::max());
      if (const auto count = whole_member(object, "n", 1, most_images)) row.count = static_cast<std::int64_t>(*count);
    } catch (const Error& error) {
      list_.faults.push_back({line, row.id, error.what()});
      return;
    }
    list_.rows.push_back(std::move(row));
  }

  RequestList take() { return std::move(list_); }

 private:
  bool selected(const Json& object) const {
    if (filter_.split.empty()) return true;
    const auto split = object.find("split");
    return split != object.end() && split->is_string() && split->get<std::string>() == filter_.split;
  }

  std::filesystem::path folder_;
  RequestFilter filter_;
  RequestList list_;
  std::unordered_map<std::string, std::int64_t> lines_;
};

void read_jsonl(std::string_view bytes, RequestReader& reader) {
  std::int64_t number = 0;
  for (std::size_t at = 0; at < bytes.size() && !reader.full();) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    const std::string_view line = bytes.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") != std::string_view::npos)
      reader.add(number, [&] { return parse_json_line(line); });
  }
}

void read_csv(std::string_view bytes, const std::string& where, RequestReader& reader) {
  CsvReader csv(bytes);
  const std::vector<std::string> header = csv.next().cells;
  for (const std::string& column : header)
    if (invalid_utf8(column) != std::string_view::npos) throw Error(where + ":1: a column's name is not UTF-8");
  for (const char* column : {"id", "text"})
    if (std::find(header.begin(), header.end(), column) == header.end())
      throw Error(where + ":1: no column \"" + column + "\", expected a header line with id, text and image");
  while (!csv.at_end() && !reader.full()) {
    const CsvRecord record = csv.next();
    if (record.cells.size() == 1 && record.cells[0].empty()) continue;
    reader.add(record.line, [&] {
      if (!record.closed) throw Error("a quoted cell that never ends");
      return object_of(header, record.cells);
    });
  }
}

}  // namespace

RequestList read_requests(const std::filesystem::path& file, const RequestFilter& filter) {
  const std::string bytes = read_file(file);
  if (bytes.empty()) throw Error(file.string() + ": empty file, expected requests, one row {id, text, image} a line");
  RequestReader reader(file, filter);
  if (file.extension() == ".csv")
    read_csv(bytes, file.string(), reader);
  else
    read_jsonl(bytes, reader);
  RequestList list = reader.take();
  if (list.rows.empty() && list.faults.empty())
    throw Error(file.string() + (filter.split.empty() ? ": no rows" : ": no row of split \"" + filter.split + "\""));
  return list;
}

}  // namespace cigli
