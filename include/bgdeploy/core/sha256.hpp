// SHA-256 of what comes in pieces.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace bgdeploy::core {

class Sha256 {
public:
  using Hash = std::array<unsigned char, 32>;

  Sha256();
  void add(std::string_view data);
  // Once, either of them.
  Hash finish();
  std::string hex();

private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> m_context;
};

}  // namespace bgdeploy::core
