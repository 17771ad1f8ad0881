#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cigli {

struct CsvRecord {
  std::vector<std::string> cells;
  std::int64_t line = 1;  // 1-based, where the record begins
  bool closed = true;     // false: the file ended inside a quoted cell
};

// Records of CSV as RFC 4180 has it: commas, double quotes around cells with commas, quotes (doubled) or line ends.
// A byte order mark is passed over; lines end in LF or CR LF. `text` must outlive the reader.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text);
  bool at_end() const { return at_ >= text_.size(); }
  CsvRecord next();

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
};

// A record as CSV has it, its LF with it: cells with commas, quotes or line ends in double quotes.
std::string csv_line(const std::vector<std::string>& cells);

}  // namespace cigli
