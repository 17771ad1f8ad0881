#include <algorithm>

#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/npy.h"
#include "runtime/zip_archive.h"

namespace cigli {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 34;  // of all arrays together
constexpr std::string_view kSuffix = ".npy";

std::string content_of(zip_t* archive, std::uint64_t index, const std::string& name, std::uint64_t limit) {
  zip_stat_t stat;
  if (zip_stat_index(archive, index, 0, &stat) != 0 || (stat.valid & ZIP_STAT_SIZE) == 0)
    throw Error(name + ": damaged zip entry (no size)");
  if (stat.size > limit) throw Error(name + ": " + std::to_string(stat.size) + " bytes, more than can be read");
  const ZipEntry entry(zip_fopen_index(archive, index, 0));
  if (!entry) throw Error(name + ": " + zip_strerror(archive));
  // In pieces, so that a size that lies costs no memory.
  std::string content, piece(std::size_t{1} << 20, '\0');
  content.reserve(std::min<std::uint64_t>(stat.size, std::uint64_t{1} << 26));
  while (content.size() <= stat.size) {
    const std::int64_t got = zip_fread(entry.get(), piece.data(), piece.size());
    if (got < 0) throw Error(name + ": " + zip_file_strerror(entry.get()));
    if (got == 0) break;
    content.append(piece, 0, static_cast<std::size_t>(got));
  }
  if (content.size() != stat.size)
    throw Error(name + ": damaged zip entry (" + std::to_string(content.size()) + " bytes or more, expected " +
                std::to_string(stat.size) + ")");
  return content;
}

}  // namespace

std::map<std::string, torch::Tensor> read_npz(const std::filesystem::path& file) {
  const MappedFile mapped(file);
  if (mapped.size() == 0) throw Error(file.string() + ": empty file, expected a zip archive of arrays");
  const ZipArchive archive = open_zip(mapped.bytes(), file.string(), ZIP_RDONLY | ZIP_CHECKCONS);
  std::map<std::string, torch::Tensor> arrays;
  std::uint64_t left = kMostBytes;
  const std::int64_t count = zip_get_num_entries(archive.get(), 0);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<std::uint64_t>(i);
    const char* stored = zip_get_name(archive.get(), index, 0);
    std::string key = stored == nullptr ? "" : stored;
    const std::string name = file.string() + ", array '" + key.substr(0, 80) + "'";
    if (key.size() > kSuffix.size() && key.substr(key.size() - kSuffix.size()) == kSuffix)
      key.resize(key.size() - kSuffix.size());
    const std::string content = content_of(archive.get(), index, name, left);
    left -= content.size();
    if (!arrays.emplace(key, parse_npy(content, name)).second) throw Error(name + ": twice in this file");
  }
  return arrays;
}

void write_npz(const std::filesystem::path& file, const std::map<std::string, torch::Tensor>& arrays) {
  auto [source, archive] = open_zip({}, file.string(), ZIP_TRUNCATE);
  std::vector<std::string> contents;  // the archive reads them when it is closed
  contents.reserve(arrays.size());
  for (const auto& [key, array] : arrays) {
    contents.push_back(npy_bytes(array));
    zip_source_t* entry = zip_source_buffer(archive.get(), contents.back().data(), contents.back().size(), 0);
    const std::int64_t index =
        entry == nullptr ? -1
                         : zip_file_add(archive.get(), (key + std::string(kSuffix)).c_str(), entry, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(entry);
      throw Error(file.string() + ", array '" + key + "': " + zip_strerror(archive.get()));
    }
    // As numpy.savez: deflated, doubles of full precision take as much room and ten times as long.
    zip_set_file_compression(archive.get(), static_cast<std::uint64_t>(index), ZIP_CM_STORE, 0);
    zip_file_set_mtime(archive.get(), static_cast<std::uint64_t>(index), 315532800, 0);  // 1980: the same bytes always
  }
  if (zip_close(archive.get()) != 0) throw Error(file.string() + ": " + zip_strerror(archive.get()));
  archive.release();  // NOLINT: closed
  zip_stat_t stat;
  if (zip_source_stat(source.get(), &stat) != 0 || zip_source_open(source.get()) != 0)
    throw Error(file.string() + ": the archive can't be read back");
  std::string bytes(stat.size, '\0');
  if (zip_source_read(source.get(), bytes.data(), bytes.size()) != static_cast<std::int64_t>(bytes.size()))
    throw Error(file.string() + ": the archive can't be read back");
  zip_source_close(source.get());
  write_file(file, bytes);
}

}  // namespace cigli
