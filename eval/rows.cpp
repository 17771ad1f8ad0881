#include "eval/rows.h"

#include "dataset/check.h"
#include "runtime/error.h"
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

}  // namespace cigli
