#include "bgdeploy/ssh/socket_folder.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

namespace bgdeploy::ssh {
namespace {

// sun_path holds 108 bytes: the name of a folder inside and of the socket need 24 of them.
constexpr std::size_t k_longest_base = sizeof(sockaddr_un::sun_path) - 24;

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

}  // namespace

core::Result<std::unique_ptr<SocketFolder>> SocketFolder::make() {
  auto path = base_folder() + "/bgdeploy-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr)
    return core::fail(core::ErrorKind::io,
                      fmt::format("no folder for sockets can be made at {}: {}", path, std::strerror(errno)));
  return std::unique_ptr<SocketFolder>(new SocketFolder(path));
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

}  // namespace bgdeploy::ssh
