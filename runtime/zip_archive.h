#pragma once

#include <zip.h>

#include <memory>
#include <string>
#include <string_view>

namespace cigli {

struct ZipClose {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using ZipEntry = std::unique_ptr<zip_file_t, ZipClose>;

// A zip archive in memory and the bytes that it stands on.
struct ZipArchive {
  std::unique_ptr<zip_source_t, ZipClose> source;
  std::unique_ptr<zip_t, ZipClose> archive;
  zip_t* get() const { return archive.get(); }
};

// Opens an archive over `bytes`, which must outlive it, or makes an empty one (ZIP_TRUNCATE); `flags` are
// zip_open_from_source's. Throws Error with `name` in front where the bytes are no whole archive.
ZipArchive open_zip(std::string_view bytes, const std::string& name, int flags);

}  // namespace cigli
