#include "bgdeploy/core/base64.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace bgdeploy::core {

std::string base64_encode(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '\0');  // a string has room for the NUL that OpenSSL appends
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                  reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return text;
}

std::string base64url_encode(std::string_view bytes) {
  auto text = base64_encode(bytes);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  // OpenSSL would skip blanks at both ends, and take a dash for the end.
  const bool alien = text.find_first_of("=- \t\r\n") != std::string_view::npos;
  if (alien || text.size() % 4 == 1) return {};
  std::string padded(text);
  padded.append((4 - text.size() % 4) % 4, '=');
  std::string bytes(padded.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(padded.data()),
                      static_cast<int>(padded.size())) < 0)
    return {};
  bytes.resize(text.size() * 3 / 4);
  return bytes;
}

}  // namespace bgdeploy::core
