#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "bgdeploy/core/base64.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/io/regular_file.hpp"
#include "bgdeploy/ssh/signer.hpp"
#include "bgdeploy/ssh/wire.hpp"
#include "evp_key.hpp"
#include "openssh_key.hpp"

namespace bgdeploy::ssh {
namespace {

using core::ErrorKind;
using core::fail;
using core::Result;

struct Curve {
  const char* group;
  const char* type;
  const EVP_MD* (*digest)();
};
constexpr std::array<Curve, 3> k_curves{{{"prime256v1", "nistp256", EVP_sha256},
                                         {"secp384r1", "nistp384", EVP_sha384},
                                         {"secp521r1", "nistp521", EVP_sha512}}};

std::string number_parameter(EVP_PKEY* key, const char* parameter) {
  BIGNUM* raw = nullptr;
  EVP_PKEY_get_bn_param(key, parameter, &raw);
  const std::unique_ptr<BIGNUM, decltype(&BN_clear_free)> number(raw, BN_clear_free);
  return number ? big_endian(number.get()) : std::string{};
}

const Curve* curve_of(EVP_PKEY* key) {
  std::array<char, 64> group{};
  EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr);
  for (const auto& curve : k_curves)
    if (std::string_view(group.data()) == curve.group) return &curve;
  return nullptr;
}

// The point in its uncompressed form, 0x04 x y.
std::string public_point(EVP_PKEY* key) {
  EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
  unsigned char* raw = nullptr;
  const auto length = EVP_PKEY_get1_encoded_public_key(key, &raw);
  std::string point(reinterpret_cast<const char*>(raw), length);
  OPENSSL_free(raw);
  return point;
}

// DER's SEQUENCE of two integers as SSH's two mpints (RFC 5656 section 3.1.2).
std::string wire_ecdsa(std::string_view der) {
  auto* position = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> parsed(
      d2i_ECDSA_SIG(nullptr, &position, static_cast<long>(der.size())), ECDSA_SIG_free);
  if (!parsed) return {};
  return WireWriter()
      .mpint(big_endian(ECDSA_SIG_get0_r(parsed.get())))
      .mpint(big_endian(ECDSA_SIG_get0_s(parsed.get())))
      .take();
}

class KeySigner : public Signer {
public:
  KeySigner(KeyHandle key, std::string name, std::string blob, const EVP_MD* digest, bool ecdsa)
      : m_key(std::move(key)),
        m_name(std::move(name)),
        m_blob(std::move(blob)),
        m_digest(digest),
        m_ecdsa(ecdsa) {}

  const std::string& name() const override { return m_name; }
  const std::string& public_blob() const override { return m_blob; }

  Result<std::string> sign(std::string_view data) override {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
    std::size_t length = 0;
    if (EVP_DigestSignInit(context.get(), nullptr, m_digest, nullptr, m_key.get()) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &length, bytes, data.size()) != 1)
      return fail(ErrorKind::denied, fmt::format("{} cannot sign", m_name));
    std::string signature(length, '\0');
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, bytes,
                       data.size()) != 1)
      return fail(ErrorKind::denied, fmt::format("{} cannot sign", m_name));
    signature.resize(length);
    return m_ecdsa ? wire_ecdsa(signature) : signature;
  }

private:
  KeyHandle m_key;
  std::string m_name, m_blob;
  const EVP_MD* m_digest;
  bool m_ecdsa;
};

Result<std::unique_ptr<Signer>> make_signer(KeyHandle key, std::string name) {
  switch (EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_ED25519: {
      std::string point(32, '\0');
      std::size_t length = point.size();
      EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(point.data()), &length);
      auto blob = WireWriter().string("ssh-ed25519").string(point).take();
      return std::make_unique<KeySigner>(std::move(key), std::move(name), std::move(blob), nullptr, false);
    }
    case EVP_PKEY_RSA: {
      auto blob = WireWriter()
                      .string("rsa-sha2-512")
                      .mpint(number_parameter(key.get(), OSSL_PKEY_PARAM_RSA_E))
                      .mpint(number_parameter(key.get(), OSSL_PKEY_PARAM_RSA_N))
                      .take();
      return std::make_unique<KeySigner>(std::move(key), std::move(name), std::move(blob), EVP_sha512(),
                                         false);
    }
    case EVP_PKEY_EC: {
      const auto* curve = curve_of(key.get());
      if (curve == nullptr) break;
      auto blob = WireWriter()
                      .string(std::string("ecdsa-sha2-") + curve->type)
                      .string(curve->type)
                      .string(public_point(key.get()))
                      .take();
      return std::make_unique<KeySigner>(std::move(key), std::move(name), std::move(blob), curve->digest(),
                                         true);
    }
    default:
      break;
  }
  return fail(ErrorKind::denied, fmt::format("{} is of a type that is not supported", name), {},
              "use an Ed25519, ECDSA (nistp256, nistp384, nistp521) or RSA key");
}

// OpenSSL asks for a passphrase on the terminal unless it is given a callback.
int give_passphrase(char* buffer, int size, int, void* user) {
  const auto* passphrase = static_cast<const std::optional<core::Secret>*>(user);
  if (!*passphrase || (*passphrase)->reveal().size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, (*passphrase)->reveal().data(), (*passphrase)->reveal().size());
  return static_cast<int>((*passphrase)->reveal().size());
}

Result<KeyHandle> parse_pem(const std::string& text, const std::string& name,
                            std::optional<core::Secret> passphrase) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
  KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_passphrase, &passphrase));
  ERR_clear_error();
  if (key) return key;
  const bool encrypted = text.find("ENCRYPTED") != std::string::npos;
  if (encrypted) return std::unexpected(passphrase_error(name, passphrase.has_value()));
  return fail(ErrorKind::denied, fmt::format("{} is not a private key", name), {},
              "it must be in OpenSSH's own format or in PEM");
}

}  // namespace

core::Error passphrase_error(const std::string& name, bool given) {
  if (given)
    return {ErrorKind::denied,
            fmt::format("the passphrase in BGDEPLOY_SSH_PASSPHRASE does not open {}", name),
            {}};
  return {ErrorKind::denied,
          fmt::format("{} has a passphrase", name),
          {},
          "load it into an agent with ssh-add, or give the passphrase in BGDEPLOY_SSH_PASSPHRASE"};
}

std::string big_endian(const BIGNUM* number) {
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes;
}

Result<std::unique_ptr<Signer>> parse_private_key(const core::Secret& text, std::string name,
                                                  const std::optional<core::Secret>& passphrase) {
  const bool own_format = text.reveal().find("-----BEGIN OPENSSH PRIVATE KEY-----") != std::string::npos;
  auto key = own_format ? parse_openssh_key(text.reveal(), name, passphrase)
                        : parse_pem(text.reveal(), name, passphrase);
  if (!key) return std::unexpected(std::move(key).error());
  return make_signer(std::move(*key), std::move(name));
}

bool Signer::has_public_key(std::string_view blob) const {
  WireReader ours(public_blob()), theirs(blob);
  const auto our_type = ours.string(), their_type = theirs.string();
  if (!our_type || !their_type) return false;
  return (our_type == their_type || (*our_type == "rsa-sha2-512" && *their_type == "ssh-rsa")) &&
         ours.rest() == theirs.rest();
}

std::string public_key_of(const std::string& path) {
  for (const auto& candidate : {path, path + ".pub"}) {
    const auto text = io::read_file(candidate);
    if (!text) continue;
    if (auto blob = openssh_public_part(*text); !blob.empty()) return blob;
    // "ssh-ed25519 AAAA… comment"
    std::istringstream words(*text);
    std::string type, encoded;
    words >> type >> encoded;
    const auto blob = core::base64_decode(encoded);
    if (blob && !type.empty() && key_type(*blob) == type) return *blob;
  }
  return {};
}

Result<std::unique_ptr<Signer>> load_private_key(const std::string& path,
                                                 const std::optional<core::Secret>& passphrase) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    const auto kind = errno == ENOENT || errno == ENOTDIR ? ErrorKind::not_found : ErrorKind::denied;
    return fail(kind, fmt::format("private key {}: {}", path, std::strerror(errno)));
  }
  auto text = io::read_file(path);
  if (!text) return fail(ErrorKind::denied, fmt::format("private key {}", text.error().message));
  const core::Secret key(std::move(*text));
  const bool is_private = key.reveal().find("PRIVATE KEY-----") != std::string::npos;
  if (is_private && status.st_uid == ::geteuid() && (status.st_mode & 077) != 0)
    return fail(ErrorKind::denied, fmt::format("private key {} can be read by others", path), {},
                fmt::format("chmod 600 {}", core::shell_quote(path)));
  return parse_private_key(key, path, passphrase);
}

}  // namespace bgdeploy::ssh
