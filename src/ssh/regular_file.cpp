#include "bgdeploy/ssh/regular_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "bgdeploy/ssh/fd.hpp"

namespace bgdeploy::ssh {

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

core::Result<std::string> read_regular_file(const std::string& path) {
  constexpr std::size_t k_limit = std::size_t{16} << 20;
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0)
    return fail(errno == ENOENT || errno == ENOTDIR ? ErrorKind::not_found : ErrorKind::io,
                fmt::format("{}: {}", path, std::strerror(errno)));
  if (const auto kind = kind_of_file(status); !kind.empty())
    return fail(ErrorKind::io, fmt::format("{} is {}, not a file", path, kind));
  std::string text;
  std::array<char, std::size_t{64} << 10> buffer;
  while (text.size() <= k_limit) {
    const auto count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count == 0) return text;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(ErrorKind::io, fmt::format("{}: {}", path, std::strerror(errno)));
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return fail(ErrorKind::io, fmt::format("{} is larger than 16 MB", path));
}

}  // namespace bgdeploy::ssh
