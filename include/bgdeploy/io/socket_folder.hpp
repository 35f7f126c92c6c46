// A folder that only we can enter, for unix sockets to which only we can connect. Goes with its object.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/io/fd.hpp"

namespace bgdeploy::io {

struct ListeningSocket {
  Fd fd;  // non-blocking
  std::filesystem::path path;
};

class SocketFolder {
public:
  // In $XDG_RUNTIME_DIR, else in the folder for temporary files. Removes there what killed processes left.
  // Kind io.
  static core::Result<std::unique_ptr<SocketFolder>> make();
  ~SocketFolder();
  SocketFolder(const SocketFolder&) = delete;
  SocketFolder& operator=(const SocketFolder&) = delete;

  core::Result<ListeningSocket> listen();

private:
  SocketFolder(std::filesystem::path path, Fd lock) : m_path(std::move(path)), m_lock(std::move(lock)) {}
  std::filesystem::path m_path;
  Fd m_lock;
  std::vector<std::filesystem::path> m_sockets;
};

}  // namespace bgdeploy::io
