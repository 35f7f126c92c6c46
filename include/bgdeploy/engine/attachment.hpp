// The streams of a process in a container. Docker takes the HTTP connection of the request for them
// ("hijacks" it):
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "bgdeploy/engine/console.hpp"
#include "bgdeploy/engine/http.hpp"
#include "bgdeploy/engine/streams.hpp"
#include "bgdeploy/io/fd.hpp"

namespace bgdeploy::engine {

class Attachment {
public:
  using Output = Demultiplexer::Output;
  using Resize = std::function<void(Window)>;

  // `output` gets pieces as they come, cut anywhere. With `terminal` docker sends no frames, and all is
  // stdout.
  Attachment(bool terminal, Output output);
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;

  // Any status is a Response; from 400 on it has a body, and there are no streams. Kinds: as Http::send.
  Result<Response> open(const std::filesystem::path& socket, const Request& request, const Wait& wait);
  // Moves bytes until docker ends the streams: the process has closed them, or the connection broke, which
  // the next request will tell. Kinds: timeout and cancelled, after which it may be called again. Without a
  // console the process gets nothing to read.
  Result<void> join(Console* console, const Resize& resize, const Wait& wait);

private:
  // False when docker has ended the streams.
  bool receive();
  void take(std::string_view piece);
  void read_input(int fd);
  void send_input();

  const bool m_terminal;
  const Output m_output;
  Demultiplexer m_frames;
  io::Fd m_fd;
  std::string m_first;         // came with the answer's head
  std::string m_up;            // read, and not sent yet
  bool m_input_ended = false;  // nothing more comes
  bool m_told = false;         // and docker knows
};

}  // namespace bgdeploy::engine
