#include "eval/rows.h"

#include "dataset/check.h"
#include "runtime/error.h"
#include "runtime/hash.h"
#include "runtime/text.h"

namespace cigli {

std::vector<Row> scorable_rows(const std::filesystem::path& data, const std::string& split,
                               std::vector<std::string>& faults) {
  Metadata metadata = read_metadata(data);
  const std::string file = metadata_file(data).string();
  for (const RowFault& fault : metadata.faults)
    faults.push_back(file + ":" + std::to_string(fault.line) + ": " + fault.reason);
  std::vector<Row> rows;
  for (Row& row : metadata.rows)
    if (!can_be_file_name(row.id))
      faults.push_back(file + ":" + std::to_string(row.line) + ": id \"" + clipped(row.id, 60) +
                       "\" is no safe file name");
    else if (split.empty() || row.split == split)
      rows.push_back(std::move(row));
  if (rows.empty())
    throw Error(file + (split.empty() ? ": no usable rows" : ": no usable row of split \"" + split + "\""));
  return rows;
}

std::string cluster_of(const Row& row) {
  const auto text = [&](const char* key) {
    const auto found = row.object.find(key);
    return found != row.object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const std::string source = text("source"), identifier = text("identifier");
  const auto dash = identifier.find('-');
  if (source == "nlvr1") return identifier.empty() ? row.text : identifier.substr(0, dash);
  if (source == "nlvr2" && dash != std::string::npos) return identifier.substr(0, identifier.find('-', dash + 1));
  const auto program = row.object.find("program");
  if (program != row.object.end() && program->is_object() && program->contains("prompt"))
    return "prompt " + std::to_string(stable_hash(program->at("prompt").dump()));
  return row.prompt_file_name.empty() ? row.id : row.prompt_file_name;
}

}  // namespace cigli
