// A folder that only we can enter, for unix sockets that only we may connect to. Gone with its object.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/ssh/fd.hpp"

namespace bgdeploy::ssh {

struct ListeningSocket {
  Fd fd;  // non-blocking
  std::filesystem::path path;
};

class SocketFolder {
public:
  // In $XDG_RUNTIME_DIR, else in the folder for temporary files. Kind io.
  static core::Result<std::unique_ptr<SocketFolder>> make();
  ~SocketFolder();
  SocketFolder(const SocketFolder&) = delete;
  SocketFolder& operator=(const SocketFolder&) = delete;

  core::Result<ListeningSocket> listen();

private:
  explicit SocketFolder(std::filesystem::path path) : m_path(std::move(path)) {}
  std::filesystem::path m_path;
  std::vector<std::filesystem::path> m_sockets;
};

}  // namespace bgdeploy::ssh
