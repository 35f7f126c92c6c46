#include <zlib.h>

#include "members.hpp"

namespace bgdeploy::archive {
namespace {

constexpr std::size_t k_unpacked = std::size_t{256} << 10;

// Of one member after the other: `cat a.gz b.gz` is a file too.
class Inflater {
public:
  Inflater() { m_good = inflateInit2(&m_stream, MAX_WBITS + 16) == Z_OK; }
  ~Inflater() { inflateEnd(&m_stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Result<void> feed(std::string_view piece, const Take& take) {
    m_stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));  // NOLINT: zlib reads only
    m_stream.avail_in = static_cast<uInt>(piece.size());
    while (m_good && m_stream.avail_in > 0) {
      if (m_ended && inflateReset(&m_stream) != Z_OK) break;
      m_ended = false;
      m_stream.next_out = reinterpret_cast<Bytef*>(m_out.data());
      m_stream.avail_out = static_cast<uInt>(m_out.size());
      const int code = ::inflate(&m_stream, Z_NO_FLUSH);
      m_ended = code == Z_STREAM_END;
      m_good = code == Z_OK || m_ended || code == Z_BUF_ERROR;
      BGDEPLOY_TRY(take(std::string_view(m_out).substr(0, m_out.size() - m_stream.avail_out)));
    }
    return m_good ? Result<void>{} : wrong("is damaged: what gzip packed cannot be unpacked");
  }
  bool ended() const { return m_ended; }

private:
  z_stream m_stream{};
  std::string m_out = std::string(k_unpacked, '\0');
  bool m_good = false, m_ended = false;
};

}  // namespace

bool is_gzip(std::string_view start) {
  return start.starts_with("\x1f\x8b");
}

Result<void> inflate(const Piece& piece, const Wait& wait, const Take& take) {
  Inflater inflater;
  BGDEPLOY_TRY(read_piece(piece, wait, [&](std::string_view part) { return inflater.feed(part, take); }));
  if (inflater.ended()) return {};
  return wrong("ends in the middle of what gzip packed: it is cut short");
}

}  // namespace bgdeploy::archive
