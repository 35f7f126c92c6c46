#include "openssh_key.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include <array>

#include "bcrypt_pbkdf.hpp"
#include "bgdeploy/core/base64.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/ssh/wire.hpp"

namespace bgdeploy::ssh {
namespace {

using core::ErrorKind;
using core::fail;
using core::Result;

constexpr std::string_view k_magic{"openssh-key-v1\0", 15};

struct Cipher {
  std::string_view name;
  const EVP_CIPHER* (*cipher)();
  std::size_t key_length, iv_length;
  std::size_t tag_length = 0;
};
constexpr std::array<Cipher, 8> k_ciphers{{{"aes256-ctr", EVP_aes_256_ctr, 32, 16},
                                           {"aes192-ctr", EVP_aes_192_ctr, 24, 16},
                                           {"aes128-ctr", EVP_aes_128_ctr, 16, 16},
                                           {"aes256-cbc", EVP_aes_256_cbc, 32, 16},
                                           {"aes192-cbc", EVP_aes_192_cbc, 24, 16},
                                           {"aes128-cbc", EVP_aes_128_cbc, 16, 16},
                                           {"aes256-gcm@openssh.com", EVP_aes_256_gcm, 32, 12, 16},
                                           {"aes128-gcm@openssh.com", EVP_aes_128_gcm, 16, 12, 16}}};

struct Container {
  std::string_view cipher, kdf, kdf_options, open, secret;  // into the decoded bytes
  std::string_view trailer;                                 // an authentication tag, for GCM
};

std::optional<Container> open_container(std::string_view bytes) {
  if (!bytes.starts_with(k_magic)) return {};
  WireReader reader(bytes.substr(k_magic.size()));
  Container container;
  const auto cipher = reader.string(), kdf = reader.string(), options = reader.string();
  const auto count = reader.u32();
  if (!cipher || !kdf || !options || count != 1U) return {};
  const auto open = reader.string(), secret = reader.string();
  if (!open || !secret) return {};
  return Container{*cipher, *kdf, *options, *open, *secret, reader.rest()};
}

std::optional<std::string> decrypt(const Container& container, const core::Secret& passphrase) {
  const Cipher* cipher = nullptr;
  for (const auto& candidate : k_ciphers)
    if (candidate.name == container.cipher) cipher = &candidate;
  WireReader options(container.kdf_options);
  const auto salt = options.string();
  const auto rounds = options.u32();
  if (cipher == nullptr || container.kdf != "bcrypt" || !salt || !rounds) return {};
  auto derived = bcrypt_pbkdf(passphrase.reveal(), *salt, *rounds, cipher->key_length + cipher->iv_length);
  if (!derived || container.trailer.size() < cipher->tag_length) return {};

  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                EVP_CIPHER_CTX_free);
  const auto* key = reinterpret_cast<const unsigned char*>(derived->data());
  std::string plain(container.secret.size() + 32, '\0');
  auto* out = reinterpret_cast<unsigned char*>(plain.data());
  int length = 0, rest = 0;
  std::string tag(container.trailer.substr(0, cipher->tag_length));
  bool good =
      EVP_DecryptInit_ex(context.get(), cipher->cipher(), nullptr, key, key + cipher->key_length) == 1;
  good = good && EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1;
  if (!tag.empty())
    good = good && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()),
                                       tag.data()) == 1;
  good = good && EVP_DecryptUpdate(context.get(), out, &length,
                                   reinterpret_cast<const unsigned char*>(container.secret.data()),
                                   static_cast<int>(container.secret.size())) == 1;
  good = good && EVP_DecryptFinal_ex(context.get(), out + length, &rest) == 1;
  OPENSSL_cleanse(derived->data(), derived->size());
  ERR_clear_error();
  if (!good) return {};
  plain.resize(static_cast<std::size_t>(length + rest));
  return plain;
}

struct FreeBuilder {
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
};
struct ClearNumber {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
};
using Number = std::unique_ptr<BIGNUM, ClearNumber>;

Number number_from(std::string_view bytes) {
  return Number(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                          static_cast<int>(bytes.size()), nullptr));
}

KeyHandle build_key(const char* type, OSSL_PARAM_BLD* builder) {
  const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> parameters(OSSL_PARAM_BLD_to_param(builder),
                                                                           OSSL_PARAM_free);
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr), EVP_PKEY_CTX_free);
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parameters.get()) != 1)
    ERR_clear_error();
  return KeyHandle(key);
}

KeyHandle read_ed25519(WireReader& reader) {
  const auto point = reader.string(), seed_and_point = reader.string();
  if (!point || !seed_and_point || seed_and_point->size() != 64) return {};
  return KeyHandle(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(seed_and_point->data()), 32));
}

KeyHandle read_rsa(WireReader& reader) {
  const auto n = reader.mpint(), e = reader.mpint(), d = reader.mpint(), inverse_q = reader.mpint(),
             p = reader.mpint(), q = reader.mpint();
  if (!n || !e || !d || !inverse_q || !p || !q) return {};
  const Number numbers[] = {number_from(*n), number_from(*e), number_from(*d),
                            number_from(*p), number_from(*q), number_from(*inverse_q)};
  // The exponents of the Chinese remainder theorem are not stored: d mod (p - 1) and d mod (q - 1).
  const std::unique_ptr<BN_CTX, decltype(&BN_CTX_free)> context(BN_CTX_new(), BN_CTX_free);
  const Number less_one(BN_new()), exponent_p(BN_new()), exponent_q(BN_new());
  if (!BN_sub(less_one.get(), numbers[3].get(), BN_value_one()) ||
      !BN_mod(exponent_p.get(), numbers[2].get(), less_one.get(), context.get()) ||
      !BN_sub(less_one.get(), numbers[4].get(), BN_value_one()) ||
      !BN_mod(exponent_q.get(), numbers[2].get(), less_one.get(), context.get()))
    return {};
  const std::unique_ptr<OSSL_PARAM_BLD, FreeBuilder> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, numbers[0].get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, numbers[1].get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_D, numbers[2].get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_FACTOR1, numbers[3].get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_FACTOR2, numbers[4].get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_EXPONENT1, exponent_p.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_EXPONENT2, exponent_q.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_COEFFICIENT1, numbers[5].get());
  return build_key("RSA", builder.get());
}

KeyHandle read_ecdsa(WireReader& reader) {
  const auto curve = reader.string(), point = reader.string();
  const auto secret = reader.mpint();
  if (!curve || !point || !secret) return {};
  const char* group = *curve == "nistp256"   ? "prime256v1"
                      : *curve == "nistp384" ? "secp384r1"
                      : *curve == "nistp521" ? "secp521r1"
                                             : nullptr;
  if (group == nullptr) return {};
  const auto number = number_from(*secret);
  const std::unique_ptr<OSSL_PARAM_BLD, FreeBuilder> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point->data(), point->size());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, number.get());
  return build_key("EC", builder.get());
}

std::string armoured_body(std::string_view text) {
  std::string body;
  for (const auto& line : core::split_lines(text))
    if (!core::trim(line).empty() && !core::trim(line).starts_with("-----")) body += core::trim(line);
  return body;
}

}  // namespace

std::string openssh_public_part(const std::string& text) {
  if (text.find("-----BEGIN OPENSSH PRIVATE KEY-----") == std::string::npos) return {};
  const auto bytes = core::base64_decode(armoured_body(text));
  const auto container = bytes ? open_container(*bytes) : std::nullopt;
  return container ? std::string(container->open) : std::string{};
}

Result<KeyHandle> parse_openssh_key(const std::string& text, const std::string& name,
                                    const std::optional<core::Secret>& passphrase) {
  auto bytes = core::base64_decode(armoured_body(text));
  const auto container = bytes ? open_container(*bytes) : std::nullopt;
  if (!container) return fail(ErrorKind::denied, fmt::format("{} is damaged", name));

  const bool encrypted = container->cipher != "none";
  if (encrypted && !passphrase) return std::unexpected(passphrase_error(name, false));
  auto plain = encrypted ? decrypt(*container, *passphrase) : std::string(container->secret);
  // Two equal random numbers in front tell a good passphrase from a wrong one.
  WireReader reader(plain ? std::string_view(*plain) : std::string_view{});
  const auto first = reader.u32(), second = reader.u32();
  if (!first || first != second) {
    if (encrypted) return std::unexpected(passphrase_error(name, true));
    return fail(ErrorKind::denied, fmt::format("{} is damaged", name));
  }
  const auto type = reader.string().value_or("");
  KeyHandle key = type == "ssh-ed25519"                  ? read_ed25519(reader)
                  : type == "ssh-rsa"                    ? read_rsa(reader)
                  : type.starts_with("ecdsa-sha2-nistp") ? read_ecdsa(reader)
                                                         : KeyHandle{};
  const bool known_type = type == "ssh-ed25519" || type == "ssh-rsa" || type.starts_with("ecdsa-sha2-nistp");
  OPENSSL_cleanse(bytes->data(), bytes->size());
  if (key) {
    OPENSSL_cleanse(plain->data(), plain->size());
    return key;
  }
  if (known_type) return fail(ErrorKind::denied, fmt::format("{} is damaged", name));
  auto error =
      fail(ErrorKind::denied,
           fmt::format("{} is a key of type {}, which is not supported", name, core::printable(type)),
           {"use an Ed25519, ECDSA or RSA key"});
  OPENSSL_cleanse(plain->data(), plain->size());
  return error;
}

}  // namespace bgdeploy::ssh
