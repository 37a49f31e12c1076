// SPDX-License-Identifier: BSD-3-Clause
#include "report/record_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/standard_streams.hpp"
#include "report/record_reader.hpp"

namespace tidemark::report {

namespace {

/// While it exists, no other process that takes the lock adds to the file.
class Lock {
 public:
  explicit Lock(int file) : file_(file) {
    while (::flock(file_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~Lock() { ::flock(file_, LOCK_UN); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int file_;
};

/// Bytes of a regular file; 0 for other files, whose end cannot be read.
off_t size_of(int file) {
  struct stat status {};
  const bool known = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  return known ? status.st_size : 0;
}

/// The text after the last line break of a file.
std::string open_end_of(int file) {
  std::string end;
  constexpr off_t block = 65536;
  for (off_t left = size_of(file); left > 0;) {
    std::string part(static_cast<std::size_t>(std::min(left, block)), '\0');
    left -= static_cast<off_t>(part.size());
    if (::pread(file, part.data(), part.size(), left) != static_cast<ssize_t>(part.size())) break;
    const std::size_t line_break = part.rfind('\n');
    if (line_break != std::string::npos) return part.substr(line_break + 1) + end;
    end.insert(0, part);
  }
  return end;
}

bool begins_a_record(const std::string& text) {
  constexpr std::string_view beginning = R"({"schema_version":)";
  const std::size_t length = std::min(text.size(), beginning.size());
  return std::string_view(text).substr(0, length) == beginning.substr(0, length);
}

/// Writes all of the text. On a failure returns false with errno, and removes what was written if
/// the file is regular.
bool write_whole(int file, std::string_view text) {
  const off_t before = size_of(file);
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      if (before > 0 || size_of(file) > 0) {
        [[maybe_unused]] const int cut = ::ftruncate(file, before);
      }
      errno = error;
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Mends the last line if a writer was killed while writing it, because it would also spoil the
/// next line. A part of a record is removed. Any other text gets a line break. Returns what was
/// done.
std::string mend(int file) {
  const std::string end = open_end_of(file);
  if (end.empty()) return "";
  if (begins_a_record(end) && !is_whole_json(end)) {
    const off_t whole = size_of(file) - static_cast<off_t>(end.size());
    if (::ftruncate(file, whole) == 0) {
      return fmt::format("half a record was removed from its end ({} bytes)", end.size());
    }
  }
  write_whole(file, "\n");
  return "its last line had no end, which was added";
}

/// Opens a file for appending. If it has an end, it is also opened for reading. Does not wait for a
/// pipe.
int open_for_appending(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  const bool has_end = !std::filesystem::exists(status) || std::filesystem::is_regular_file(status);
  constexpr mode_t everybody = 0666;
  errno = 0;
  int file = ::open(path.c_str(),
                    (has_end ? O_RDWR : O_WRONLY | O_NONBLOCK) | O_APPEND | O_CREAT | O_CLOEXEC,
                    everybody);
  if (file < 0 && errno == EACCES) {  // a file that may be written but not read
    file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  }
  if (file >= 0 && !has_end) ::fcntl(file, F_SETFL, ::fcntl(file, F_GETFL) & ~O_NONBLOCK);
  return file;
}

}  // namespace

RecordFile::RecordFile(std::filesystem::path path) : path_(std::move(path)) {
  open();
  if (file_ < 0) {
    const std::string why = errno == ENXIO ? "nobody reads from this pipe" : std::strerror(errno);
    throw InputError(fmt::format("{}: cannot be opened for writing: {}", path_.string(), why));
  }
}

RecordFile::~RecordFile() {
  if (file_ >= 0) ::close(file_);
}

void RecordFile::open() {
  file_ = open_for_appending(path_);
  if (file_ < 0) return;
  std::string mended;
  {
    const Lock lock(file_);
    mended = mend(file_);
  }
  if (!mended.empty()) say_on_stderr(fmt::format("{}: {}\n", path_.string(), mended));
}

void RecordFile::follow_name() {
  struct stat held {};
  struct stat named {};
  if (::fstat(file_, &held) != 0 || !S_ISREG(held.st_mode)) return;
  const bool is_there = ::stat(path_.c_str(), &named) == 0;
  if (is_there && named.st_dev == held.st_dev && named.st_ino == held.st_ino) return;
  const int former = std::exchange(file_, -1);
  open();
  if (file_ < 0) {  // a file without its name is better than none
    file_ = former;
    return;
  }
  ::close(former);
  say_on_stderr(fmt::format("{}: was moved or deleted; records go on in a new file of that name\n",
                            path_.string()));
}

void RecordFile::append(const nlohmann::ordered_json& record) {
  // Text that is not UTF-8 (a host's name, an argument) must not lose the measurement.
  const auto handler = nlohmann::ordered_json::error_handler_t::replace;
  const std::string line = record.dump(-1, ' ', false, handler) + '\n';
  follow_name();
  const Lock lock(file_);
  const std::string mended = mend(file_);
  if (!mended.empty()) say_on_stderr(fmt::format("{}: {}\n", path_.string(), mended));
  if (!write_whole(file_, line)) {
    throw RunError(fmt::format("{}: the record could not be written: {}", path_.string(),
                               std::strerror(errno)));
  }
}

}  // namespace tidemark::report
