#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/sha256.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/io/wakeup.hpp"
#include "members.hpp"

namespace bgdeploy::archive {
namespace {

constexpr std::size_t k_piece = std::size_t{256} << 10;
constexpr std::int64_t k_largest_text = std::int64_t{4}
                                        << 20;  // of a manifest: no registry takes a larger one

using File = std::shared_ptr<const io::Fd>;

std::unexpected<core::Error> unreadable() {
  return wrong(fmt::format("cannot be read: {}", std::strerror(errno)));
}

// Without a name, so that it is gone with the program.
Result<File> temporary_file() {
  const char* variable = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  const std::string folder = variable != nullptr && *variable != '\0' ? variable : "/var/tmp";
  io::Fd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file) {  // a file system that knows none
    std::string path = folder + "/bgdeploy-XXXXXX";
    file = io::Fd(::mkostemp(path.data(), O_CLOEXEC));
    if (file) ::unlink(path.c_str());
  }
  if (file) return std::make_shared<const io::Fd>(std::move(file));
  return wrong(fmt::format("needs a temporary file in {}: {}", core::printable(folder), std::strerror(errno)),
               "set TMPDIR to a folder with room for it");
}

Result<void> append(const io::Fd& file, std::string_view data) {
  while (!data.empty()) {
    const auto count = ::write(file.get(), data.data(), data.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      return wrong(fmt::format("does not fit into a temporary file: {}", std::strerror(errno)),
                   "set TMPDIR to a folder with room for it");
    data.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

// A pipe can be read once only.
Result<File> spooled(const io::Fd& from, const Wait& wait) {
  BGDEPLOY_ASSIGN(File file, temporary_file());
  std::string piece(k_piece, '\0');
  for (;;) {
    BGDEPLOY_TRY(io::wait_for(from.get(), POLLIN, wait, "the archive"));
    const auto count = ::read(from.get(), piece.data(), piece.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) return unreadable();
    if (count == 0) return file;
    BGDEPLOY_TRY(append(*file, std::string_view(piece).substr(0, static_cast<std::size_t>(count))));
  }
}

Result<File> opened(const std::string& path, struct stat& status) {
  const bool from_stdin = path == "-";
  io::Fd file(from_stdin ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                         : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file || ::fstat(file.get(), &status) != 0) return unreadable();
  if (::isatty(file.get()) != 0)
    return wrong("is a terminal", "docker save IMAGE | bgdeploy deploy --archive - --tag TAG");
  return std::make_shared<const io::Fd>(std::move(file));
}

// What other programs pack with, by how it starts.
std::string_view packed_with(std::string_view start) {
  if (start.starts_with("\x28\xb5\x2f\xfd")) return "zstd";
  if (start.starts_with("\xfd\x37zXZ")) return "xz";
  if (start.starts_with("BZh")) return "bzip2";
  return "";
}

}  // namespace

std::string hash_of(std::string_view data) {
  core::Sha256 hash;
  hash.add(data);
  return hash.hex();
}

Result<std::string> read_at(const io::Fd& file, std::int64_t offset, std::size_t size) {
  std::string data(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const auto count =
        ::pread(file.get(), data.data() + filled, size - filled, offset + static_cast<std::int64_t>(filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable();
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  data.resize(filled);
  return data;
}

Result<void> read_piece(const Piece& piece, const Wait& wait, const Take& take) {
  for (std::int64_t done = 0; done < piece.size;) {
    if (wait.stop.stop_requested()) return core::fail(core::ErrorKind::cancelled, "interrupted");
    const auto size = static_cast<std::size_t>(std::min<std::int64_t>(piece.size - done, k_piece));
    BGDEPLOY_ASSIGN(const std::string data, read_at(*piece.file, piece.offset + done, size));
    if (data.empty()) return wrong("became shorter while it was read");
    BGDEPLOY_TRY(take(data));
    done += static_cast<std::int64_t>(data.size());
  }
  return {};
}

Result<Piece> Members::find(std::string_view name) const {
  const auto plain = plain_name(name);
  if (plain && !m_folder) {
    auto found = m_files.find(*plain);
    if (found == m_files.end())
      if (const auto link = m_links.find(*plain); link != m_links.end()) found = m_files.find(link->second);
    if (found != m_files.end()) return found->second;
  } else if (plain) {
    struct stat status {};
    io::Fd file(::open((*m_folder / *plain).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode))
      return Piece{std::make_shared<const io::Fd>(std::move(file)), 0, status.st_size};
  }
  return core::fail(core::ErrorKind::not_found, fmt::format("lacks {}{}", core::printable(name), m_doubt));
}

Result<std::string> Members::text(std::string_view name) const {
  BGDEPLOY_ASSIGN(const Piece piece, find(name));
  if (piece.size > k_largest_text)
    return wrong(
        fmt::format("holds {} of {} bytes: it may have 4 MB at most", core::printable(name), piece.size));
  return read_at(*piece.file, piece.offset, static_cast<std::size_t>(piece.size));
}

Result<Members> spool_members(const std::function<Result<void>(const Take&)>& fill, const Wait& wait) {
  BGDEPLOY_ASSIGN(const File file, temporary_file());
  BGDEPLOY_TRY(fill([&](std::string_view piece) { return append(*file, piece); }));
  return read_tar(file, wait);
}

Result<Members> open_members(const std::string& path, const Wait& wait) {
  struct stat status {};
  BGDEPLOY_ASSIGN(File file, opened(path, status));
  if (S_ISDIR(status.st_mode)) return Members(std::filesystem::path(path));
  const bool from_start = ::lseek(file->get(), 0, SEEK_CUR) == 0;
  if (!S_ISREG(status.st_mode) || !from_start) {
    BGDEPLOY_ASSIGN(file, spooled(*file, wait));
    if (::fstat(file->get(), &status) != 0) return unreadable();
  }
  BGDEPLOY_ASSIGN(const std::string start, read_at(*file, 0, 6));
  if (start.empty()) return wrong("is empty", k_writes_one);
  if (const auto packer = packed_with(start); !packer.empty())
    return wrong(fmt::format("is packed with {}, and only gzip is read here", packer),
                 fmt::format("{} -dc{} | bgdeploy deploy --archive - --tag TAG", packer,
                             path == "-" ? "" : " " + core::shell_quote(path)));
  if (!is_gzip(start)) return read_tar(file, wait);
  return spool_members(
      [&](const Take& take) {
        return inflate({file, 0, status.st_size}, wait, take);
      },
      wait);
}

}  // namespace bgdeploy::archive
