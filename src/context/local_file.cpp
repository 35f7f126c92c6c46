#include "local_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/sha256.hpp"
#include "bgdeploy/io/fd.hpp"

namespace bgdeploy::context {

using core::ErrorKind;

namespace {

constexpr std::size_t k_piece = std::size_t{256} << 10;

core::Error unreadable(const Entry& entry) {
  return {ErrorKind::io,
          fmt::format("{} cannot be read: {}", core::printable(entry.path), std::strerror(errno)),
          {}};
}

}  // namespace

core::Error changed(const Entry& entry) {
  return {ErrorKind::conflict,
          fmt::format("{} changed while it was read", core::printable(entry.path)),
          {"nothing may write into the build context while it is deployed; leave such files out with "
           ".dockerignore"}};
}

Result<Hash> read_file(const std::filesystem::path& root, const Entry& entry,
                       const std::function<Result<void>(std::string_view)>& take,
                       const std::function<Result<void>(const Hash&)>& check) {
  const auto path = root / entry.path;
  const io::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) {
    if (errno == ENOENT || errno == ELOOP || errno == ENOTDIR) return std::unexpected(changed(entry));
    return std::unexpected(unreadable(entry));
  }
  struct stat now {};
  if (::fstat(file.get(), &now) != 0) return std::unexpected(unreadable(entry));
  if (!S_ISREG(now.st_mode) || now.st_size != entry.size || int(now.st_mode & 07777U) != entry.mode)
    return std::unexpected(changed(entry));
  core::Sha256 hash;
  std::string piece;
  for (std::int64_t left = entry.size; left > 0; left -= static_cast<std::int64_t>(piece.size())) {
    piece.resize(static_cast<std::size_t>(std::min<std::int64_t>(left, k_piece)));
    std::size_t filled = 0;
    while (filled < piece.size()) {
      const auto count = ::read(file.get(), piece.data() + filled, piece.size() - filled);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return std::unexpected(unreadable(entry));
      if (count == 0) return std::unexpected(changed(entry));
      filled += static_cast<std::size_t>(count);
    }
    hash.add(piece);
    if (left == static_cast<std::int64_t>(piece.size())) break;
    BGDEPLOY_TRY(take(piece));
  }
  char more = 0;
  if (::read(file.get(), &more, 1) > 0) return std::unexpected(changed(entry));
  const Hash whole = hash.finish();
  BGDEPLOY_TRY(check(whole));
  if (!piece.empty()) BGDEPLOY_TRY(take(piece));
  return whole;
}

}  // namespace bgdeploy::context
