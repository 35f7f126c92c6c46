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
  explicit Demultiplexer(Output output) : m_output(std::move(output)) {}
  void feed(std::string_view piece);

private:
  Output m_output;
  std::array<unsigned char, 8> m_header{};
  std::size_t m_header_bytes = 0;
  std::uint32_t m_left = 0;  // of the current frame
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
