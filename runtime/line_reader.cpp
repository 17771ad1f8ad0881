#include "runtime/line_reader.h"

#include <zlib.h>

#include "runtime/error.h"

namespace cigli {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 18;
constexpr std::size_t kLongestLine = std::size_t{1} << 24;

gzFile stream_of(void* stream) { return static_cast<gzFile>(stream); }

}  // namespace

LineReader::LineReader(const std::filesystem::path& file) : name_(file.string()) {
  if (!std::filesystem::exists(file)) throw Error(name_ + ": no such file");
  if (std::filesystem::is_directory(file)) throw Error(name_ + ": a folder, expected a file");
  stream_ = gzopen(file.c_str(), "rb");
  if (stream_ == nullptr) throw Error(name_ + ": cannot be opened");
}

LineReader::~LineReader() { gzclose_r(stream_of(stream_)); }

void LineReader::fail(const std::string& reason) const {
  throw Error(name_ + ":" + std::to_string(number_ + 1) + ": " + reason);
}

bool LineReader::refill() {
  buffer_.erase(0, at_);
  at_ = 0;
  if (buffer_.size() > kLongestLine) fail("a line of more than 16 MB, expected one object a line");
  const std::size_t held = buffer_.size();
  buffer_.resize(held + kBlock);
  const int count = gzread(stream_of(stream_), &buffer_[held], kBlock);
  buffer_.resize(held + static_cast<std::size_t>(count > 0 ? count : 0));
  int state = Z_OK;
  gzerror(stream_of(stream_), &state);
  if (count < 0 || state != Z_OK) fail("damaged or truncated gzip data");
  return count > 0;
}

bool LineReader::next(std::string& line) {
  std::size_t end;
  std::size_t searched = at_;
  while ((end = buffer_.find('\n', searched)) == std::string::npos) {
    const std::size_t held = buffer_.size() - at_;
    if (!refill()) {
      if (buffer_.empty()) return false;
      end = buffer_.size();
      break;
    }
    searched = held;
  }
  line.assign(buffer_, at_, end - at_);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  at_ = end < buffer_.size() ? end + 1 : end;
  ++number_;
  return true;
}

}  // namespace cigli
