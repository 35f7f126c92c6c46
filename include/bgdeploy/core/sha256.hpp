#pragma once

#include <fmt/format.h>
#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

#include "bgdeploy/context/files.hpp"

namespace bgdeploy::context {

class Sha256 {
public:
  Sha256() : m_context(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(m_context.get(), EVP_sha256(), nullptr);
  }
  void add(std::string_view data) { EVP_DigestUpdate(m_context.get(), data.data(), data.size()); }
  Hash finish() {
    Hash hash;
    EVP_DigestFinal_ex(m_context.get(), hash.data(), nullptr);
    return hash;
  }
  std::string hex() {
    std::string text;
    for (const unsigned char byte : finish()) text += fmt::format("{:02x}", byte);
    return text;
  }

private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> m_context;
};

}  // namespace bgdeploy::context
