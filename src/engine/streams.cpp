#include "bgdeploy/engine/streams.hpp"

#include <algorithm>

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
      continue;
    }
    const auto part = piece.substr(0, std::min<std::size_t>(m_left, piece.size()));
    m_output(m_header[0] >= 2, part);  // 3 is docker's own error on the stream
    m_left -= static_cast<std::uint32_t>(part.size());
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
