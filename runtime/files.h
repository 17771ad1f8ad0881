#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace cigli {

// Whole file as bytes. Throws Error naming the file when it is absent, unreadable, not a regular file or larger than
// `limit` bytes.
std::string read_file(const std::filesystem::path& file, std::uint64_t limit = std::uint64_t{1} << 34);

// Replaces `file` as one step: writes a temporary file beside it, fsyncs, renames, fsyncs the folder. On any failure
// (full disk, read-only folder) the old file stays whole, the temporary one is removed, and Error names the file and
// the reason. Symbolic links are followed; a device or a folder is refused.
void write_file(const std::filesystem::path& file, std::string_view bytes);

// The same for content produced in pieces: `fill` receives a sink that appends bytes. An exception from `fill` passes
// through, with the old file whole.
using ByteSink = std::function<void(const void* data, std::size_t size)>;
void write_file(const std::filesystem::path& file, const std::function<void(const ByteSink&)>& fill);

// That `file` can be written, before work whose result it takes: its folder is there and takes files, no folder is in
// its place. Throws Error naming the file; nothing stays behind.
void check_output(const std::filesystem::path& file);

// Removes what writes of processes that were killed left behind in the folder; one that is absent holds nothing.
void remove_stale_temporaries(const std::filesystem::path& folder);

// Makes a folder and its parents; Error names it on failure.
void make_folder(const std::filesystem::path& folder);

// The same file under another name: a hard link where the file system allows it, else a copy; it replaces what is
// there as one step, and does nothing where that is the file itself. Not for files that will be written in place. Error
// names `to`.
void link_or_copy(const std::filesystem::path& from, const std::filesystem::path& to);

// `folder / name` for a name that came from data. Throws Error (with `where` in front) for an empty or absolute name,
// one with a `..` component, a backslash or a NUL: a row can't reach outside its folder.
std::filesystem::path join_inside(const std::filesystem::path& folder, const std::string& name,
                                  const std::string& where);

// A file mapped read-only; moves, does not copy. Throws Error naming the file.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& file);
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~MappedFile();
  const std::uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::string_view bytes() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace cigli
