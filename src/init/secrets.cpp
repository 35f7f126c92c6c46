// What must not stand in a file: by its name, and by what it looks like.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "bgdeploy/core/base64.hpp"
#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/spec/document.hpp"
#include "script_words.hpp"
#include "secrets.hpp"

namespace bgdeploy::init {
namespace {

// "-Dspring.datasource.password" and "--api-key" as variables are written.
std::string folded(std::string_view name) {
  std::string text = core::to_lower(name);
  for (char& c : text)
    if (c == '-' || c == '.') c = '_';
  return text.erase(0, text.find_first_not_of("_'\""));
}

// The words of "encryptionKeyBase", "ENCRYPTION_KEY_BASE" and "encryption.key-base".
std::vector<std::string> parts_of_name(std::string_view name) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto is_plain = [](char c) { return core::is_digit(c) || (c >= 'a' && c <= 'z'); };
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool hump = is_upper(name[i]) && i > 0 && is_plain(name[i - 1]);
    if (!is_plain(name[i]) && !is_upper(name[i])) {
      words.emplace_back();
      continue;
    }
    if (hump) words.emplace_back();
    words.back() += core::to_lower(name.substr(i, 1));
  }
  std::erase(words, "");
  return words;
}

bool is_among(std::string_view word, std::span<const std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

// What is told about a secret, as CACHE_KEY_PREFIX, JWT_ISSUER and SALT_ROUNDS, is none.
bool is_about(std::string_view word) {
  constexpr std::string_view k_about[] = {
      "prefix",     "suffix",    "path",    "file",     "name",    "alias",   "ttl",   "column",  "field",
      "length",     "size",      "header",  "format",   "type",    "dir",     "count", "rounds",  "issuer",
      "expiration", "expiry",    "expires", "audience", "seconds", "minutes", "hours", "days",    "duration",
      "in",         "algorithm", "alg",     "enabled",  "port",    "host",    "claim", "timeout", "retries"};
  return is_among(word, k_about);
}

// DBPASS, mailpw, ACCESSKEY2: what ends as words for secrets do, and is no other word.
bool ends_as_secret(std::string_view word) {
  constexpr std::string_view k_others[] = {"bypass", "compass", "donkey", "hockey", "hotkey",
                                           "jockey", "mickey",  "monkey", "oldpwd", "pubkey",
                                           "pwd",    "smokey",  "turkey", "turnkey"};
  while (!word.empty() && core::is_digit(word.back())) word.remove_suffix(1);
  if (is_among(word, k_others)) return false;
  return std::ranges::any_of(std::to_array<std::string_view>({"pass", "pw", "pwd", "key"}),
                             [&](std::string_view end) { return word.ends_with(end); });
}

bool is_secret_word(const std::vector<std::string>& words) {
  constexpr std::string_view k_anywhere[] = {"jwt",    "pw",   "creds",    "salt", "hmac",
                                             "pepper", "totp", "mnemonic", "otp",  "pin"};
  constexpr std::string_view k_last[] = {"pat",       "sk",   "dsn",     "sig",
                                         "signature", "seed", "signing", "license", "tok"};
  if (words.empty() || is_about(words.back())) return false;
  if (is_among(words.back(), k_last) || ends_as_secret(words.back())) return true;
  constexpr std::size_t k_alone = 4;  // "DBPASS_PROD"; not PASS_HEADERS and KEY_COLOR
  return std::ranges::any_of(words, [&](const std::string& word) {
    const bool behind = &word != &words.front() || word.size() > k_alone;
    return (behind && ends_as_secret(word)) || is_among(word, k_anywhere) || word.contains("webhook");
  });
}

// "JWT_PUBLIC_KEY", "stripe.publishableKey"
bool is_public_key(std::string_view folded_name) {
  return std::ranges::any_of(std::to_array<std::string_view>(
                                 {"public_key", "publickey", "publishable_key", "publishablekey", "pubkey"}),
                             [&](std::string_view end) { return folded_name.ends_with(end); });
}

bool is_secret_name(std::string_view name) {
  const std::string text = folded(name);
  if (is_public_key(text)) return false;
  for (const char* part : {"password", "passwd", "passphrase", "passcode", "requirepass", "secret", "token",
                           "credential", "private", "apikey", "api_key", "access_key", "_dsn", "_pwd", "auth",
                           "release_cookie", "erlang_cookie"})
    if (text.contains(part)) return true;
  return is_secret_word(parts_of_name(name));
}

constexpr SecretOption k_options[] = {{"redis-cli", "-a"},
                                      {"valkey-cli", "-a"},
                                      {"curl", "-u"},
                                      {"curl", "--user"},
                                      {"sshpass", "-p"},
                                      {"mongo", "-p"},
                                      {"mongosh", "-p"},
                                      {"rabbitmqadmin", "-p"},
                                      {"ldapsearch", "-w"},
                                      {"mysql", "-p", true},
                                      {"mysqladmin", "-p", true},
                                      {"mysqldump", "-p", true},
                                      {"mariadb", "-p", true},
                                      {"mariadb-admin", "-p", true}};

// `name=value` of a query, of options and of connection strings, `"name": value`, `name: value`,
// `--name value`.
bool gives_secret(std::string_view text) {
  constexpr std::string_view k_between = " \t\r\n?&;,|{}[]()=\"'";
  std::string program;
  for (std::size_t at = text.find_first_not_of(k_between); at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(k_between, at), text.size());
    const std::string word = base_of(text.substr(at, end - at));
    if (has_secret_option(word)) program = word;
    if (secret_option(program, word) != nullptr) return true;
    const std::size_t next = text.find_first_not_of(" \t\"'", end);
    if (next >= text.size()) return false;
    std::string_view name = text.substr(at, end - at);
    const bool quoted = text[end] == '"' || text[end] == '\'', blank = text[end] == ' ' || text[end] == '\t';
    const bool label = name.ends_with(':') && blank, option = name.starts_with('-') && blank;
    if (label) name.remove_suffix(1);
    const bool assigned = text[next] == '=' || (text[next] == ':' && quoted);
    const bool given = assigned ? text.find_first_not_of(" \t\"'", next + 1) < text.size()
                                : label || (option && text[next] != '-');
    if (given && is_secret_part(name)) return true;
    at = text.find_first_not_of(k_between, end);
  }
  return false;
}

// "postgres://app:hunter2@db/app", "app:hunter2@db"; no "app:1.2@sha256:…".
bool has_password(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  const std::size_t at = url.find('@');
  if (at == std::string_view::npos || !url.substr(0, at).contains(':')) return false;
  constexpr std::string_view k_in_none = "/ \t\n\"'{}$";
  return scheme != std::string_view::npos ||
         (url.find_first_of(k_in_none) > at && !url.substr(at + 1).starts_with("sha256:"));
}

// "app:hunter2" of a variable that is about who logs in; no "mail:25".
bool is_login(std::string_view name, std::string_view value) {
  constexpr std::string_view k_logins[] = {"smtp", "imap",  "ldap",    "mail", "amqp",
                                           "user", "login", "account", "basic"};
  const std::size_t colon = value.find(':');
  const std::string_view behind = value.substr(std::min(colon, value.size() - 1) + 1);
  const bool pair = colon > 0 && colon < value.size() && !behind.empty() &&
                    value.find_first_of(" /@${", 0) == std::string_view::npos && !behind.contains(':') &&
                    !core::parse_number<int>(behind);
  return pair && std::ranges::any_of(parts_of_name(name),
                                     [&](const std::string& word) { return is_among(word, k_logins); });
}

// How those who hand out keys mark them, and how long what follows is at least.
struct Mark {
  std::string_view text;
  std::size_t more = 1;
};
constexpr Mark k_marks[] = {{"sk_live_"},    {"sk_test_"},
                            {"rk_live_"},    {"rk_test_"},
                            {"whsec_", 8},   {"ghp_"},
                            {"gho_"},        {"ghu_"},
                            {"ghs_"},        {"ghr_"},
                            {"github_pat_"}, {"glpat-"},
                            {"gldt-"},       {"glrt-"},
                            {"xoxa-"},       {"xoxb-"},
                            {"xoxe-"},       {"xoxp-"},
                            {"xoxr-"},       {"xoxs-"},
                            {"xapp-"},       {"dckr_pat_"},
                            {"npm_", 30},    {"pypi-", 30},
                            {"hf_", 20},     {"sk-ant-", 8},
                            {"sk-proj-", 8}, {"sk-", 32},
                            {"shpat_", 8},   {"dop_v1_", 8},
                            {"AKIA", 16},    {"ASIA", 16},
                            {"AIza", 30},    {"ya29.", 16},
                            {"SG.", 30},     {"hvs.", 16},
                            {"lin_api_", 8}, {"AGE-SECRET-KEY-"},
                            {"dp.st.", 8},   {"dp.pt.", 8},
                            {"dp.ct.", 8},   {"dp.sa.", 8},
                            {"NRAK-", 16},   {"glsa_", 16},
                            {"sntrys_", 16}, {"tskey-", 8}};
constexpr std::string_view k_in_tokens = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";

// "eyJ….….…", whose parts are base64 of JSON.
bool is_jwt(std::string_view token) {
  const std::size_t first = token.find('.');
  return token.starts_with("eyJ") && first != std::string_view::npos &&
         token.find('.', first + 1) < token.size() - 1;
}

// "123456789:AAEh…" of Telegram; `token`: where it stands in the text.
bool is_bot_token(std::string_view text, std::string_view token) {
  constexpr std::size_t k_shortest = 30, k_digits = 8;
  const auto at = static_cast<std::size_t>(token.data() - text.data());
  if (token.size() < k_shortest || at <= k_digits || text[at - 1] != ':') return false;
  return std::ranges::all_of(text.substr(at - 1 - k_digits, k_digits), core::is_digit);
}

// A token of a known kind, or the address of a webhook, wherever it stands in the text.
bool has_token(std::string_view text) {
  for (const std::string_view url : {"hooks.slack.com/services/", "/api/webhooks/", "webhook.office.com/",
                                     "/incomingwebhook/", "api.telegram.org/bot", "hooks.zapier.com/"})
    if (text.contains(url)) return true;
  for (std::size_t at = 0; (at = text.find_first_of(k_in_tokens, at)) != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_not_of(k_in_tokens, at), text.size());
    const std::string_view token = text.substr(at, end - at);
    const auto marks = [&](const Mark& mark) {
      return token.starts_with(mark.text) && token.size() >= mark.text.size() + mark.more;
    };
    if (std::ranges::any_of(k_marks, marks) || is_jwt(token) || is_bot_token(text, token)) return true;
    at = end;
  }
  return false;
}

// 32 hexadecimal digits or more, which no digest's or commit's are, or a long text as base64 has it.
bool has_key(std::string_view name, std::string_view text) {
  constexpr std::string_view k_fingerprints[] = {"commit", "sha",  "sha256",  "revision",
                                                 "digest", "hash", "version", "build"};
  constexpr std::string_view k_hex = "0123456789abcdefABCDEF";
  constexpr std::size_t k_shortest = 32;
  if (std::ranges::any_of(parts_of_name(name),
                          [&](const auto& word) { return is_among(word, k_fingerprints); }))
    return false;
  for (std::size_t at = 0; (at = text.find_first_of(k_in_tokens, at)) != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_not_of(k_in_tokens, at), text.size());
    const bool hex = text.substr(at, end - at).find_first_not_of(k_hex) == std::string_view::npos;
    if (hex && end - at >= k_shortest && !text.substr(0, at).ends_with("sha256:")) return true;
    at = end;
  }
  const auto has = [&](char first, char last) {
    return std::ranges::any_of(text, [&](char c) { return c >= first && c <= last; });
  };
  const bool padded = text.ends_with('=') && text.size() >= k_shortest * 3 / 4;
  return (padded || text.size() >= k_shortest) && !text.starts_with('/') && has('a', 'z') && has('A', 'Z') &&
         has('0', '9') &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-") ==
             std::string_view::npos;
}

}  // namespace

bool is_secret_part(std::string_view name) {
  const std::string text = folded(name);
  return text == "pwd" || text.ends_with("signature") || is_secret_name(text);
}

const SecretOption* secret_option(std::string_view program, std::string_view word) {
  const auto gives = [&](const SecretOption& one) {
    const bool is_short = one.option.size() == 2;
    return one.program == program &&
           (one.attached ? word.size() > 2 && word.starts_with(one.option)
                         : word == one.option || (is_short && word.starts_with(one.option)));
  };
  const auto found = std::ranges::find_if(k_options, gives);
  return found == std::end(k_options) ? nullptr : found;
}

bool has_secret_option(std::string_view word) {
  return std::ranges::find(k_options, word, &SecretOption::program) != std::end(k_options);
}

bool has_credentials(std::string_view text) {
  constexpr std::string_view k_quotes = "\"'\\,;)}";
  const std::string small = core::to_lower(text);
  for (const std::string_view scheme : {"bearer ", "basic "})
    for (std::size_t at = small.find(scheme); at != std::string::npos; at = small.find(scheme, at + 1)) {
      std::string_view word = core::trim(text.substr(at + scheme.size()));
      word = word.substr(0, word.find_first_of(" \t\n"));
      while (!word.empty() && k_quotes.contains(word.back())) word.remove_suffix(1);
      if (word.empty() || word.contains('$')) continue;
      if (scheme == "bearer " && std::ranges::any_of(word, core::is_digit)) return true;
      const auto decoded = core::base64_decode(word);
      if (scheme == "basic " && decoded && decoded->find(':') < decoded->size() - 1) return true;
    }
  return false;
}

bool is_marked(std::string_view value) {
  return value.contains("-----BEGIN") || has_password(value) || has_token(value) || has_credentials(value);
}

bool is_secret(std::string_view name, std::string_view value) {
  return is_secret_name(name) || is_login(name, value) || is_marked(value) || has_key(name, value) ||
         gives_secret(value);
}

std::string secret_in(std::string_view text, const Variables& known) {
  for (std::size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 1)) {
    if (at > 0 && text[at - 1] == '$') continue;
    constexpr std::size_t k_longest = 256;
    std::string_view name = text.substr(at + 2, k_longest);
    name = name.substr(0, name.find_first_of(":}?-"));
    const auto found = known.find(name);
    if (is_secret(name, found == known.end() ? std::string_view() : found->second)) return std::string(name);
  }
  return {};
}

}  // namespace bgdeploy::init
