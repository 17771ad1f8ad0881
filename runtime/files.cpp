#include "runtime/files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "runtime/error.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const char* what, const fs::path& file, int code) {
  throw Error(std::string(what) + " " + file.string() + ": " + std::generic_category().message(code));
}

struct Descriptor {
  int number = -1;
  explicit Descriptor(int opened) : number(opened) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

// O_NONBLOCK keeps the opening of a named pipe from waiting for a writer.
int open_for_reading(const fs::path& file) {
  const int number = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (number < 0) fail("cannot read", file, errno);
  return number;
}

std::uint64_t regular_size(const Descriptor& descriptor, const fs::path& file) {
  struct stat status = {};
  if (::fstat(descriptor.number, &status) != 0) fail("cannot read", file, errno);
  if (S_ISDIR(status.st_mode)) throw Error("cannot read " + file.string() + ": is a folder, expected a file");
  if (!S_ISREG(status.st_mode)) throw Error("cannot read " + file.string() + ": not a regular file");
  return static_cast<std::uint64_t>(status.st_size);
}

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

// What holds the new content until it is whole: a name beside `target` that no other call takes.
fs::path temporary_name(const fs::path& target) {
  static std::atomic<unsigned> counter{0};
  return folder_of(target) / (".cigli-" + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp");
}

// The file that takes the new content until it is whole; goes away unless it was put in its place.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target) : target_(target), descriptor_(-1) {
    do {
      name_ = temporary_name(target);
      descriptor_.number = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor_.number < 0 && errno == EEXIST);
    if (descriptor_.number < 0) fail("cannot write", target_, errno);
    buffer_.reserve(kBuffer);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }

  void append(const void* data, std::size_t size) {
    if (size == 0) return;
    if (buffer_.size() + size > kBuffer) flush();
    if (size >= kBuffer) {
      write(static_cast<const char*>(data), size);
    } else {
      buffer_.append(static_cast<const char*>(data), size);
    }
  }

  void put_in_place() {
    flush();
    if (::fsync(descriptor_.number) != 0) fail("cannot write", target_, errno);
    if (::close(std::exchange(descriptor_.number, -1)) != 0) fail("cannot write", target_, errno);
    if (::rename(name_.c_str(), target_.c_str()) != 0) fail("cannot write", target_, errno);
    name_.clear();
    // Some file systems cannot fsync a folder; the content is safe by then.
    const Descriptor folder(::open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.number >= 0) ::fsync(folder.number);
  }

 private:
  static constexpr std::size_t kBuffer = 1 << 18;

  void flush() {
    write(buffer_.data(), buffer_.size());
    buffer_.clear();
  }

  void write(const char* data, std::size_t size) {
    while (size > 0) {
      const ::ssize_t written = ::write(descriptor_.number, data, std::min<std::size_t>(size, 1 << 30));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("cannot write", target_, errno);
      data += written;
      size -= static_cast<std::size_t>(written);
    }
  }

  fs::path target_, name_;
  Descriptor descriptor_;
  std::string buffer_;
};

// Where the content goes: through symbolic links, and never over a device or a folder.
fs::path writable_target(const fs::path& file) {
  if (!file.has_filename()) throw Error("cannot write '" + file.string() + "': expected the name of a file");
  std::error_code ignored;
  const fs::path real = fs::canonical(file, ignored);
  if (real.empty()) return file;
  const fs::file_status status = fs::status(real, ignored);
  if (fs::is_directory(status)) throw Error("cannot write " + file.string() + ": is a folder, expected a file");
  if (!fs::is_regular_file(status)) throw Error("cannot write " + file.string() + ": not a regular file");
  return real;
}

}  // namespace

std::string read_file(const fs::path& file, std::uint64_t limit) {
  const Descriptor descriptor(open_for_reading(file));
  const std::uint64_t size = regular_size(descriptor, file);
  const auto refuse_over_limit = [&](std::uint64_t found) {
    if (found <= limit) return;
    throw Error("cannot read " + file.string() + ": " + std::to_string(found) + " bytes, expected at most " +
                std::to_string(limit));
  };
  refuse_over_limit(size);
  // Files of /proc announce no size, and a file may grow meanwhile: only an empty read is the end.
  std::string bytes(size + 1, '\0');
  std::size_t have = 0;
  while (true) {
    if (have == bytes.size()) bytes.resize(have + std::max<std::size_t>(4096, have / 2));
    const ::ssize_t got = ::read(descriptor.number, bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read", file, errno);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
    refuse_over_limit(have);
  }
  bytes.resize(have);
  return bytes;
}

void write_file(const fs::path& file, std::string_view bytes) {
  write_file(file, [&](const ByteSink& sink) { sink(bytes.data(), bytes.size()); });
}

void write_file(const fs::path& file, const std::function<void(const ByteSink&)>& fill) {
  TemporaryFile temporary(writable_target(file));
  fill([&](const void* data, std::size_t size) { temporary.append(data, size); });
  temporary.put_in_place();
}

void check_output(const fs::path& file) {
  const fs::path target = writable_target(file), folder = folder_of(target);
  std::error_code ignored;
  const fs::file_status status = fs::status(folder, ignored);
  if (fs::status_known(status) && !fs::is_directory(status))
    throw Error("cannot write " + file.string() + ": " + folder.string() +
                (fs::exists(status) ? " is no folder" : " does not exist"));
  const TemporaryFile probe(target);
}

void remove_stale_temporaries(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    int process = 0;
    unsigned number = 0;
    if (std::sscanf(name.c_str(), ".cigli-%d-%u.tmp", &process, &number) != 2) continue;
    if (process > 0 && ::kill(process, 0) != 0 && errno == ESRCH) fs::remove(entry.path(), ignored);
  }
}

void make_folder(const fs::path& folder) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) throw Error("cannot make folder " + folder.string() + ": " + code.message());
  if (!fs::is_directory(folder, code))
    throw Error("cannot make folder " + folder.string() + ": a file is in its place");
}

void link_or_copy(const fs::path& from, const fs::path& to) {
  std::error_code code, ignored;
  if (fs::equivalent(from, to, code)) return;
  fs::path unfinished = temporary_name(to);
  while (fs::exists(fs::symlink_status(unfinished, ignored))) unfinished = temporary_name(to);
  const fs::path source = fs::canonical(from, code);
  if (!code) fs::create_hard_link(source, unfinished, code);
  if (code) fs::copy_file(from, unfinished, code);
  if (!code) fs::rename(unfinished, to, code);
  if (!code) return;
  fs::remove(unfinished, ignored);
  throw Error("cannot write " + to.string() + ": " + code.message());
}

fs::path join_inside(const fs::path& folder, const std::string& name, const std::string& where) {
  const auto refuse = [&](const std::string& why) {
    throw Error(where + ": file name '" + name.substr(0, name.find('\0')) + "' " + why +
                ", expected a path inside the folder");
  };
  const fs::path relative(name);
  if (name.empty()) refuse("is empty");
  if (name.find('\0') != std::string::npos) refuse("holds a NUL byte");
  if (name.find('\\') != std::string::npos) refuse("holds a backslash");
  if (relative.is_absolute()) refuse("is absolute");
  if (std::find(relative.begin(), relative.end(), fs::path("..")) != relative.end()) refuse("holds '..'");
  return folder / relative;
}

MappedFile::MappedFile(const fs::path& file) {
  const Descriptor descriptor(open_for_reading(file));
  size_ = regular_size(descriptor, file);
  if (size_ == 0) return;
  void* const address = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor.number, 0);
  if (address == MAP_FAILED) fail("cannot read", file, errno);
  data_ = static_cast<const std::uint8_t*>(address);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::uint8_t*>(data_), size_);
}

}  // namespace cigli
