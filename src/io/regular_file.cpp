#include "bgdeploy/io/regular_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "bgdeploy/io/fd.hpp"

namespace bgdeploy::io {

using core::ErrorKind;
using core::fail;

std::string kind_of_file(const struct stat& status) {
  switch (status.st_mode & S_IFMT) {
    case S_IFREG:
      return {};
    case S_IFDIR:
      return "a folder";
    case S_IFIFO:
      return "a FIFO";
    case S_IFSOCK:
      return "a socket";
    default:
      return "a device";
  }
}

core::Result<std::string> read_file(const std::string& path) {
  constexpr std::size_t k_limit = std::size_t{16} << 20;
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0)
    return fail(errno == ENOENT || errno == ENOTDIR ? ErrorKind::not_found : ErrorKind::io,
                fmt::format("{} cannot be read: {}", path, std::strerror(errno)));
  if (const auto kind = kind_of_file(status); !kind.empty())
    return fail(ErrorKind::io, fmt::format("{} is {}, not a file", path, kind));
  std::string text;
  std::array<char, std::size_t{64} << 10> buffer;
  while (text.size() <= k_limit) {
    const auto count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count == 0) return text;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      return fail(ErrorKind::io, fmt::format("{} cannot be read: {}", path, std::strerror(errno)));
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return fail(ErrorKind::io, fmt::format("{} is larger than 16 MB", path));
}

core::Result<void> write_private_file(const std::string& path, std::string_view text) {
  namespace fs = std::filesystem;
  const auto failed = [&](int error) {
    return fail(ErrorKind::io, fmt::format("{} cannot be written: {}", path, std::strerror(error)));
  };
  struct stat status {};
  const bool there = ::lstat(path.c_str(), &status) == 0;
  if (there && S_ISLNK(status.st_mode)) return fail(ErrorKind::io, path + " is a link, not a file");
  if (const auto kind = there ? kind_of_file(status) : ""; !kind.empty())
    return fail(ErrorKind::io, fmt::format("{} is {}, not a file", path, kind));
  if (const auto folder = fs::path(path).parent_path(); !folder.empty()) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return failed(error.value());
  }
  std::string beside = path + ".XXXXXX";
  const Fd fd(::mkostemp(beside.data(), O_CLOEXEC));  // for its owner only
  if (!fd) return failed(errno);
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto count = ::write(fd.get(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  if (rest.empty() && ::fsync(fd.get()) == 0 && ::rename(beside.c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  ::unlink(beside.c_str());
  return failed(error);
}

}  // namespace bgdeploy::io
