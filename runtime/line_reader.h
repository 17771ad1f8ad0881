#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace cigli {

// The lines of a text file, which may be gzipped (its bytes decide, not its name), one at a time: memory does not grow
// with the file. The last line needs no end; a carriage return before an end goes.
class LineReader {
 public:
  // Error when the file is absent, a folder or unreadable.
  explicit LineReader(const std::filesystem::path& file);
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader();

  // The next line; false behind the last. Error "FILE:LINE: ..." for gzip data that are damaged or end too soon, and
  // for a line of more than 16 MB.
  bool next(std::string& line);
  std::int64_t number() const { return number_; }  // of the line last read, from 1

 private:
  bool refill();
  [[noreturn]] void fail(const std::string& reason) const;

  std::string name_;
  void* stream_;  // gzFile
  std::string buffer_;
  std::size_t at_ = 0;
  std::int64_t number_ = 0;
};

}  // namespace cigli
