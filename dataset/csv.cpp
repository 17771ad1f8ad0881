#include "dataset/csv.h"

namespace cigli {

CsvReader::CsvReader(std::string_view text) : text_(text) {
  if (text_.substr(0, 3) == "\xef\xbb\xbf") at_ = 3;
}

CsvRecord CsvReader::next() {
  CsvRecord record;
  record.line = line_;
  record.cells.emplace_back();
  bool quoted = false;
  while (at_ < text_.size()) {
    const char c = text_[at_++];
    if (c == '\n') ++line_;
    if (quoted) {
      if (c != '"')
        record.cells.back() += c;
      else if (at_ < text_.size() && text_[at_] == '"')
        record.cells.back() += text_[at_++];
      else
        quoted = false;
    } else if (c == '"' && record.cells.back().empty()) {
      quoted = true;
    } else if (c == ',') {
      record.cells.emplace_back();
    } else if (c == '\n') {
      break;
    } else if (c != '\r' || at_ == text_.size() || text_[at_] != '\n') {
      record.cells.back() += c;
    }
  }
  record.closed = !quoted;
  return record;
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) {
    if (&cell != &cells.front()) line += ',';
    if (cell.find_first_of(",\"\r\n") == std::string::npos) {
      line += cell;
      continue;
    }
    line += '"';
    for (const char c : cell) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    line += '"';
  }
  return line + "\n";
}

}  // namespace cigli
