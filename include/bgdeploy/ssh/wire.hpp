// SSH's binary encoding (RFC 4251 section 5), and key fingerprints as OpenSSH prints them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bgdeploy::ssh {

class WireWriter {
public:
  WireWriter& byte(std::uint8_t value);
  WireWriter& u32(std::uint32_t value);
  WireWriter& string(std::string_view value);     // length, then bytes
  WireWriter& mpint(std::string_view magnitude);  // big-endian, unsigned
  std::string take() { return std::move(m_bytes); }

private:
  std::string m_bytes;
};

// Each getter takes from the front; nothing when the bytes do not hold what was asked for.
class WireReader {
public:
  explicit WireReader(std::string_view bytes) : m_rest(bytes) {}
  std::optional<std::uint8_t> byte();
  std::optional<std::uint32_t> u32();
  std::optional<std::string_view> string();
  std::optional<std::string_view> mpint();  // magnitude without leading zeros; nothing when negative
  std::string_view rest() const { return m_rest; }

private:
  std::string_view m_rest;
};

// The first string of a public key blob: "ssh-ed25519"; empty when it has none.
std::string key_type(std::string_view blob);
// "SHA256:" and unpadded base64, as `ssh-keygen -l` prints it.
std::string fingerprint(std::string_view blob);

}  // namespace bgdeploy::ssh
