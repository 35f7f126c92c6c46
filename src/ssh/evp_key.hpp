// OpenSSL's key handle, and numbers between OpenSSL and SSH.
#pragma once

#include <openssl/bn.h>
#include <openssl/evp.h>

#include <memory>
#include <string>

namespace bgdeploy::ssh {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using KeyHandle = std::unique_ptr<EVP_PKEY, FreeKey>;

std::string big_endian(const BIGNUM* number);

}  // namespace bgdeploy::ssh
