#include "bgdeploy/engine/streams.hpp"

#include <algorithm>
#include <utility>

namespace bgdeploy::engine {

void Demultiplexer::feed(std::string_view piece) {
  while (!piece.empty()) {
    if (m_left == 0) {
      while (m_header_bytes < m_header.size() && !piece.empty()) {
        m_header[m_header_bytes++] = static_cast<unsigned char>(piece.front());
        piece.remove_prefix(1);
      }
      if (m_header_bytes < m_header.size()) return;
      m_header_bytes = 0;
      for (std::size_t i = 4; i < m_header.size(); ++i) m_left = m_left << 8 | m_header[i];
      if (m_begin) m_begin(m_header[0] >= 2);
      continue;
    }
    const auto part = piece.substr(0, std::min<std::size_t>(m_left, piece.size()));
    m_output(m_header[0] >= 2, part);  // 3 is docker's own error on the stream
    m_left -= static_cast<std::uint32_t>(part.size());
    piece.remove_prefix(part.size());
  }
}

void Stamps::feed(std::string_view piece) {
  constexpr std::size_t k_longest = 64;
  while (!piece.empty()) {
    if (m_reads_time) {
      const std::size_t blank = piece.substr(0, k_longest).find(' ');
      m_read += piece.substr(0, std::min(blank, k_longest));
      if (blank == std::string_view::npos && m_read.size() < k_longest) return;
      m_reads_time = false;
      m_time(std::exchange(m_read, {}));
      piece.remove_prefix(std::min(blank == std::string_view::npos ? k_longest : blank + 1, piece.size()));
      continue;
    }
    const auto part =
        piece.substr(0, m_lines ? std::min(piece.find('\n'), piece.size() - 1) + 1 : piece.size());
    m_rest(part);
    m_reads_time = m_lines && part.ends_with('\n');
    piece.remove_prefix(part.size());
  }
}

void LineSplitter::feed(std::string_view piece) {
  while (!piece.empty()) {
    const bool ended = piece.front() == '\n';
    if (ended || m_rest.size() == m_limit) {
      m_line(m_rest);
      m_rest.clear();
    }
    if (ended) {
      piece.remove_prefix(1);
      continue;
    }
    const auto part = piece.substr(0, std::min(piece.find('\n'), m_limit - m_rest.size()));
    m_rest.append(part);
    piece.remove_prefix(part.size());
  }
}

void LineSplitter::finish() {
  if (!m_rest.empty()) m_line(m_rest);
  m_rest.clear();
}

}  // namespace bgdeploy::engine
