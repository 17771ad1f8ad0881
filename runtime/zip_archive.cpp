#include "runtime/zip_archive.h"

#include "runtime/error.h"

namespace cigli {
namespace {

[[noreturn]] void fail_to_open(const std::string& name, zip_error_t& error) {
  const std::string reason = zip_error_strerror(&error);
  zip_error_fini(&error);
  throw Error(name + ": damaged or truncated zip archive (" + reason + ")");
}

}  // namespace

ZipArchive open_zip(std::string_view bytes, const std::string& name, int flags) {
  zip_error_t error;
  zip_error_init(&error);
  ZipArchive opened;
  opened.source.reset(zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error));
  if (!opened.source) fail_to_open(name, error);
  zip_source_keep(opened.source.get());  // the archive's own hold
  opened.archive.reset(zip_open_from_source(opened.source.get(), flags, &error));
  if (!opened.archive) {
    zip_source_free(opened.source.get());
    fail_to_open(name, error);
  }
  return opened;
}

}  // namespace cigli
