// What docker streams, taken apart piece by piece as it arrives. Pure, and indifferent to where a piece ends.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace bgdeploy::engine {

// stdout and stderr of a container without a terminal: frames of an 8-byte header (stream, three zeros, a
// big-endian length) and that many bytes.
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
class Demultiplexer {
public:
  using Output = std::function<void(bool is_stderr, std::string_view)>;
  using Begin = std::function<void(bool is_stderr)>;
  // `begin`: told of each frame.
  explicit Demultiplexer(Output output, Begin begin = {})
      : m_output(std::move(output)), m_begin(std::move(begin)) {}
  void feed(std::string_view piece);

private:
  Output m_output;
  Begin m_begin;
  std::array<unsigned char, 8> m_header{};
  std::size_t m_header_bytes = 0;
  std::uint32_t m_left = 0;  // of the current frame
};

// Takes off the time that docker puts before each message when it is asked to. A message is a frame; of a
// container with a terminal it is a line.
class Stamps {
public:
  using Piece = std::function<void(std::string_view)>;
  Stamps(bool lines, Piece time, Piece rest)
      : m_lines(lines), m_time(std::move(time)), m_rest(std::move(rest)) {}
  void begin() { m_reads_time = true; }
  void feed(std::string_view piece);

private:
  const bool m_lines;
  Piece m_time, m_rest;
  bool m_reads_time = true;
  std::string m_read;
};

// Lines without their newline. A line of more than `limit` bytes is handed on in parts.
class LineSplitter {
public:
  using Line = std::function<void(std::string_view)>;
  LineSplitter(std::size_t limit, Line line) : m_limit(limit), m_line(std::move(line)) {}
  void feed(std::string_view piece);
  // Hands on what was not ended by a newline.
  void finish();

private:
  std::size_t m_limit;
  Line m_line;
  std::string m_rest;
};

}  // namespace bgdeploy::engine
