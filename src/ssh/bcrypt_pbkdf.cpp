#include "bcrypt_pbkdf.hpp"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <memory>

namespace bgdeploy::ssh {
namespace {

using Digest = std::array<unsigned char, 64>;

// Blowfish begins with the first 1042 words of the fraction of pi: 18 for P, 4 × 256 for S.
constexpr std::size_t k_subkeys = 18, k_words = k_subkeys + 4 * 256;
using Words = std::array<std::uint32_t, k_words>;

// sum of (-1)^k / ((2k + 1) x^(2k + 1)), scaled by `one`: arctan(1 / x).
void add_arctan(BIGNUM* sum, const BIGNUM* one, BN_ULONG x, BN_ULONG factor, bool negative) {
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> power(BN_dup(one), BN_free), term(BN_new(), BN_free);
  BN_mul_word(power.get(), factor);
  BN_div_word(power.get(), x);
  for (BN_ULONG odd = 1; !BN_is_zero(power.get()); odd += 2, negative = !negative) {
    BN_copy(term.get(), power.get());
    BN_div_word(term.get(), odd);
    negative ? BN_sub(sum, sum, term.get()) : BN_add(sum, sum, term.get());
    BN_div_word(power.get(), x * x);
  }
}

// Machin: pi = 16 arctan(1/5) - 4 arctan(1/239). Computing the words takes milliseconds, next to the hash's
// own tenth of a second, and saves a table of a thousand numbers that nobody could proof-read.
Words pi_words() {
  constexpr int k_guard_bits = 64, k_bits = static_cast<int>(k_words) * 32;
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> one(BN_new(), BN_free), sum(BN_new(), BN_free);
  BN_set_bit(one.get(), k_bits + k_guard_bits);
  BN_zero(sum.get());
  add_arctan(sum.get(), one.get(), 5, 16, false);
  add_arctan(sum.get(), one.get(), 239, 4, true);
  BN_rshift(sum.get(), sum.get(), k_guard_bits);
  BN_mask_bits(sum.get(), k_bits);
  std::array<unsigned char, k_words * 4> bytes{};
  BN_bn2binpad(sum.get(), bytes.data(), static_cast<int>(bytes.size()));
  Words words{};
  for (std::size_t i = 0; i < words.size(); ++i)
    for (std::size_t j = 0; j < 4; ++j) words[i] = words[i] << 8 | bytes[4 * i + j];
  return words;
}

// Reads a byte string as an endless sequence of words.
class WordStream {
public:
  explicit WordStream(const Digest& bytes) : m_bytes(bytes) {}
  std::uint32_t next() {
    std::uint32_t word = 0;
    for (int i = 0; i < 4; ++i) {
      word = word << 8 | m_bytes[m_position];
      m_position = (m_position + 1) % m_bytes.size();
    }
    return word;
  }

private:
  const Digest& m_bytes;
  std::size_t m_position = 0;
};

class Blowfish {
public:
  Blowfish() {
    static const Words k_initial = pi_words();
    m_words = k_initial;
  }

  void encrypt(std::uint32_t& left, std::uint32_t& right) const {
    for (std::size_t round = 0; round < 16; round += 2) {
      left ^= m_words[round];
      right ^= mix(left);
      right ^= m_words[round + 1];
      left ^= mix(right);
    }
    left ^= m_words[16];
    right ^= m_words[17];
    std::swap(left, right);
  }

  // EksBlowfish's ExpandKey; without a salt the words run through the cipher alone.
  void expand(const Digest& key, const Digest* salt) {
    WordStream key_words(key);
    for (std::size_t i = 0; i < k_subkeys; ++i) m_words[i] ^= key_words.next();
    static constexpr Digest k_no_salt{};
    WordStream salt_words(salt != nullptr ? *salt : k_no_salt);
    std::uint32_t left = 0, right = 0;
    for (std::size_t i = 0; i < m_words.size(); i += 2) {
      left ^= salt_words.next();
      right ^= salt_words.next();
      encrypt(left, right);
      m_words[i] = left;
      m_words[i + 1] = right;
    }
  }

private:
  std::uint32_t mix(std::uint32_t x) const {
    const auto* s = m_words.data() + k_subkeys;
    return ((s[x >> 24] + s[256 + (x >> 16 & 255)]) ^ s[512 + (x >> 8 & 255)]) + s[768 + (x & 255)];
  }

  Words m_words;
};

using Block = std::array<unsigned char, 32>;

Block bcrypt_hash(const Digest& passphrase, const Digest& salt) {
  Blowfish cipher;
  cipher.expand(passphrase, &salt);
  for (int i = 0; i < 64; ++i) {
    cipher.expand(salt, nullptr);
    cipher.expand(passphrase, nullptr);
  }
  constexpr std::string_view k_text = "OxychromaticBlowfishSwatDynamite";
  Block block{};
  for (std::size_t pair = 0; pair < 4; ++pair) {
    std::uint32_t half[2] = {0, 0};
    for (std::size_t i = 0; i < 8; ++i)
      half[i / 4] = half[i / 4] << 8 | static_cast<unsigned char>(k_text[8 * pair + i]);
    for (int i = 0; i < 64; ++i) cipher.encrypt(half[0], half[1]);
    // The words come out with their least significant byte first.
    for (std::size_t i = 0; i < 8; ++i)
      block[8 * pair + i] = static_cast<unsigned char>(half[i / 4] >> 8 * (i % 4) & 255);
  }
  return block;
}

Digest sha512(std::string_view data) {
  Digest digest{};
  EVP_Digest(data.data(), data.size(), digest.data(), nullptr, EVP_sha512(), nullptr);
  return digest;
}

}  // namespace

std::optional<std::string> bcrypt_pbkdf(std::string_view passphrase, std::string_view salt,
                                        std::uint32_t rounds, std::size_t length) {
  // A damaged or hostile file could otherwise ask for hours of work.
  constexpr std::uint32_t k_most_rounds = 10'000;
  if (passphrase.empty() || salt.empty() || rounds == 0 || rounds > k_most_rounds || length == 0 ||
      length > 1024)
    return {};
  const auto secret = sha512(passphrase);
  const std::size_t stride = (length + sizeof(Block) - 1) / sizeof(Block);
  std::string derived(length, '\0');
  for (std::size_t count = 1; count <= stride; ++count) {
    std::string numbered(salt);
    for (int shift = 24; shift >= 0; shift -= 8) numbered.push_back(static_cast<char>(count >> shift & 255));
    auto block = bcrypt_hash(secret, sha512(numbered));
    auto sum = block;
    for (std::uint32_t round = 1; round < rounds; ++round) {
      block = bcrypt_hash(secret, sha512({reinterpret_cast<const char*>(block.data()), block.size()}));
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] ^= block[i];
    }
    // The blocks are dealt out like cards, so that every part of the key depends on all the work.
    for (std::size_t i = 0; i < sum.size() && i * stride + count - 1 < length; ++i)
      derived[i * stride + count - 1] = static_cast<char>(sum[i]);
  }
  return derived;
}

}  // namespace bgdeploy::ssh
