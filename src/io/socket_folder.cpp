#include "bgdeploy/io/socket_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

namespace bgdeploy::io {
namespace {

// sun_path holds 108 bytes: the name of a folder inside and of the socket need 24 of them.
constexpr std::size_t k_longest_base = sizeof(sockaddr_un::sun_path) - 24;
constexpr std::string_view k_prefix = "bgdeploy-", k_suffix = "XXXXXX";
constexpr std::time_t k_old = 60;  // seconds

bool is_ours(const char* path) {
  struct stat status {};
  return ::stat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid() &&
         ::access(path, W_OK | X_OK) == 0;
}

std::string base_folder() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && std::strlen(runtime) <= k_longest_base && is_ours(runtime)) return runtime;
  const char* temporary = std::getenv("TMPDIR");
  if (temporary != nullptr && *temporary == '/' && std::strlen(temporary) <= k_longest_base) return temporary;
  return "/tmp";
}

enum class Patience { none, endless };

// Held for as long as the folder is in use.
Fd lock_folder(const std::filesystem::path& path, Patience patience) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  while (fd && ::flock(fd.get(), LOCK_EX | (patience == Patience::none ? LOCK_NB : 0)) != 0)
    if (errno != EINTR) fd.reset();
  return fd;
}

bool is_old(const Fd& folder) {
  struct stat status {};
  return ::fstat(folder.get(), &status) == 0 && status.st_uid == ::geteuid() &&
         ::time(nullptr) - status.st_mtime > k_old;
}

// As many as can be read.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed))
    paths.push_back(entry->path());
  return paths;
}

// Removes what killed processes left behind. A young folder may belong to a process that is about to lock it.
void sweep(const std::string& base) {
  for (const auto& path : entries_of(base)) {
    const std::string name = path.filename().native();
    if (!name.starts_with(k_prefix) || name.size() != k_prefix.size() + k_suffix.size()) continue;
    const Fd folder = lock_folder(path, Patience::none);
    if (!folder || !is_old(folder)) continue;
    std::error_code ignored;
    for (const auto& socket : entries_of(path))
      if (std::filesystem::is_socket(socket, ignored)) ::unlink(socket.c_str());
    ::rmdir(path.c_str());
  }
}

}  // namespace

core::Result<std::unique_ptr<SocketFolder>> SocketFolder::make() {
  const auto base = base_folder();
  sweep(base);
  auto path = fmt::format("{}/{}{}", base, k_prefix, k_suffix);
  if (::mkdtemp(path.data()) == nullptr)
    return core::fail(core::ErrorKind::io,
                      fmt::format("no folder for sockets can be made at {}: {}", path, std::strerror(errno)));
  // Somebody else's sweep() may hold it for an instant, to find that it is young.
  return std::unique_ptr<SocketFolder>(new SocketFolder(path, lock_folder(path, Patience::endless)));
}

SocketFolder::~SocketFolder() {
  for (const auto& socket : m_sockets) ::unlink(socket.c_str());
  ::rmdir(m_path.c_str());
}

core::Result<ListeningSocket> SocketFolder::listen() {
  auto path = m_path / std::to_string(m_sockets.size());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto& text = path.native();
  std::memcpy(address.sun_path, text.c_str(), std::min(text.size(), sizeof address.sun_path - 1));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), SOMAXCONN) != 0)
    return core::fail(core::ErrorKind::io,
                      fmt::format("cannot listen on {}: {}", text, std::strerror(errno)));
  m_sockets.push_back(path);
  return ListeningSocket{std::move(fd), std::move(path)};
}

}  // namespace bgdeploy::io
