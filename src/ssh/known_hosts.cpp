#include "bgdeploy/ssh/known_hosts.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <optional>

#include "bgdeploy/core/base64.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/ssh/wire.hpp"

namespace bgdeploy::ssh {
namespace {

// The next word of `line`, taken off its front.
std::string_view take_word(std::string_view& line) {
  const auto begin = line.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return line = {};
  line.remove_prefix(begin);
  const auto word = line.substr(0, line.find_first_of(" \t\r"));
  line.remove_prefix(word.size());
  return word;
}

std::optional<KnownHost> parse_line(std::string_view line) {
  KnownHost entry;
  auto word = take_word(line);
  if (word.empty() || word.front() == '#') return {};
  if (word.front() == '@') {
    if (word == "@revoked")
      entry.marker = KnownHost::Marker::revoked;
    else if (word == "@cert-authority")
      entry.marker = KnownHost::Marker::cert_authority;
    else
      return {};
    word = take_word(line);
  }
  entry.patterns = word;
  entry.key.type = take_word(line);
  auto blob = core::base64_decode(take_word(line));
  // The blob repeats the type; a line where they differ is damaged.
  if (entry.key.type.empty() || !blob || key_type(*blob) != entry.key.type) return {};
  entry.key.blob = std::move(*blob);
  return entry;
}

// '*' and '?' as in a shell; iterative, so that a hostile pattern costs at most length × length.
bool matches_pattern(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || (pattern[p] != '*' && pattern[p] == text[t]))) {
      ++p, ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// "|1|salt|hash": HMAC-SHA1 of the name, keyed with the salt.
bool matches_hash(std::string_view hashed, std::string_view name) {
  hashed.remove_prefix(3);
  const auto bar = hashed.find('|');
  if (bar == std::string_view::npos) return false;
  const auto salt = core::base64_decode(hashed.substr(0, bar));
  const auto expected = core::base64_decode(hashed.substr(bar + 1));
  if (!salt || !expected) return false;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  HMAC(EVP_sha1(), salt->data(), static_cast<int>(salt->size()),
       reinterpret_cast<const unsigned char*>(name.data()), name.size(), digest.data(), &length);
  return *expected == std::string_view(reinterpret_cast<const char*>(digest.data()), length);
}

}  // namespace

std::vector<KnownHost> parse_known_hosts(std::string_view text, std::string_view file) {
  std::vector<KnownHost> entries;
  int number = 0;
  for (const auto& line : core::split_lines(text)) {
    ++number;
    auto entry = parse_line(line);
    if (!entry) continue;
    entry->file = file;
    entry->line = number;
    entries.push_back(std::move(*entry));
  }
  return entries;
}

std::string known_hosts_name(std::string_view host, int port) {
  return port == 22 ? core::to_lower(host) : fmt::format("[{}]:{}", core::to_lower(host), port);
}

bool names_host(std::string_view patterns, std::string_view name) {
  if (patterns.starts_with("|1|")) return matches_hash(patterns, name);
  bool named = false;
  while (!patterns.empty()) {
    const auto comma = std::min(patterns.find(','), patterns.size());
    auto pattern = patterns.substr(0, comma);
    patterns.remove_prefix(std::min(comma + 1, patterns.size()));
    const bool negated = pattern.starts_with('!');
    if (negated) pattern.remove_prefix(1);
    if (pattern.empty() || !matches_pattern(core::to_lower(pattern), name)) continue;
    if (negated) return false;
    named = true;
  }
  return named;
}

namespace {

KeyVerdict verdict_for(std::span<const KnownHost> entries, std::string_view name, const HostKey& key) {
  KeyVerdict verdict;
  bool found = false, authority = false;
  for (const auto& entry : entries) {
    if (!names_host(entry.patterns, name)) continue;
    if (entry.marker == KnownHost::Marker::cert_authority) {
      authority = true;
    } else if (entry.marker == KnownHost::Marker::revoked) {
      if (entry.key != key) continue;
      verdict.known = {entry};
      verdict.kind = KeyVerdict::Kind::revoked;
      return verdict;
    } else {
      verdict.known.push_back(entry);
      found = found || entry.key == key;
    }
  }
  if (found)
    verdict.kind = KeyVerdict::Kind::known;
  else if (!verdict.known.empty())
    verdict.kind = KeyVerdict::Kind::changed;
  else
    verdict.only_authorities = authority;
  return verdict;
}

}  // namespace

KeyVerdict check_host_key(std::span<const KnownHost> entries, std::string_view host, int port,
                          const HostKey& key) {
  auto verdict = verdict_for(entries, known_hosts_name(host, port), key);
  if (port == 22 || verdict.kind != KeyVerdict::Kind::unknown) return verdict;
  auto without_port = verdict_for(entries, known_hosts_name(host, 22), key);
  const bool decides =
      without_port.kind == KeyVerdict::Kind::known || without_port.kind == KeyVerdict::Kind::revoked;
  return decides ? without_port : verdict;
}

std::vector<std::string> known_key_types(std::span<const KnownHost> entries, std::string_view host,
                                         int port) {
  std::vector<std::string> types;
  const auto add_named = [&](const std::string& name) {
    for (const auto& entry : entries)
      if (entry.marker == KnownHost::Marker::none && names_host(entry.patterns, name) &&
          std::ranges::find(types, entry.key.type) == types.end())
        types.push_back(entry.key.type);
  };
  add_named(known_hosts_name(host, port));
  if (types.empty() && port != 22) add_named(known_hosts_name(host, 22));
  return types;
}

std::string known_hosts_line(std::string_view host, int port, const HostKey& key) {
  return fmt::format("{} {} {}\n", known_hosts_name(host, port), key.type, core::base64_encode(key.blob));
}

}  // namespace bgdeploy::ssh
