#include "bgdeploy/core/sha256.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

namespace bgdeploy::core {

Sha256::Sha256() : m_context(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  EVP_DigestInit_ex(m_context.get(), EVP_sha256(), nullptr);
}

void Sha256::add(std::string_view data) {
  EVP_DigestUpdate(m_context.get(), data.data(), data.size());
}

Sha256::Hash Sha256::finish() {
  Hash hash;
  EVP_DigestFinal_ex(m_context.get(), hash.data(), nullptr);
  return hash;
}

std::string Sha256::hex() {
  std::string text;
  for (const unsigned char byte : finish()) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace bgdeploy::core
