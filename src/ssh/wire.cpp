#include "bgdeploy/ssh/wire.hpp"

#include <openssl/evp.h>

#include <array>

#include "bgdeploy/core/base64.hpp"

namespace bgdeploy::ssh {
WireWriter& WireWriter::byte(std::uint8_t value) {
  m_bytes.push_back(static_cast<char>(value));
  return *this;
}

WireWriter& WireWriter::u32(std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) m_bytes.push_back(static_cast<char>((value >> shift) & 0xff));
  return *this;
}

WireWriter& WireWriter::string(std::string_view value) {
  u32(static_cast<std::uint32_t>(value.size()));
  m_bytes.append(value);
  return *this;
}

WireWriter& WireWriter::mpint(std::string_view magnitude) {
  while (!magnitude.empty() && magnitude.front() == '\0') magnitude.remove_prefix(1);
  if (magnitude.empty() || (static_cast<unsigned char>(magnitude.front()) & 0x80) == 0)
    return string(magnitude);
  u32(static_cast<std::uint32_t>(magnitude.size() + 1));
  m_bytes.push_back('\0');
  m_bytes.append(magnitude);
  return *this;
}

std::optional<std::uint8_t> WireReader::byte() {
  if (m_rest.empty()) return {};
  const auto value = static_cast<std::uint8_t>(m_rest.front());
  m_rest.remove_prefix(1);
  return value;
}

std::optional<std::uint32_t> WireReader::u32() {
  if (m_rest.size() < 4) return {};
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(m_rest[i]);
  m_rest.remove_prefix(4);
  return value;
}

std::optional<std::string_view> WireReader::string() {
  const auto before = m_rest;
  const auto length = u32();
  if (!length || *length > m_rest.size()) {
    m_rest = before;
    return {};
  }
  const auto value = m_rest.substr(0, *length);
  m_rest.remove_prefix(*length);
  return value;
}

std::optional<std::string_view> WireReader::mpint() {
  auto value = string();
  if (!value) return {};
  if (!value->empty() && (static_cast<unsigned char>(value->front()) & 0x80) != 0) return {};
  while (!value->empty() && value->front() == '\0') value->remove_prefix(1);
  return value;
}

std::string key_type(std::string_view blob) {
  return std::string(WireReader(blob).string().value_or(""));
}

std::string fingerprint(std::string_view blob) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_Digest(blob.data(), blob.size(), digest.data(), &length, EVP_sha256(), nullptr);
  auto text = core::base64_encode({reinterpret_cast<const char*>(digest.data()), length});
  while (!text.empty() && text.back() == '=') text.pop_back();
  return "SHA256:" + text;
}

}  // namespace bgdeploy::ssh
