#include "bgdeploy/ssh/config.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::ssh {
namespace {

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// `ssh -G` separates files by spaces and quotes none: a piece that does not begin as a path belongs to the
// piece before it.
std::vector<std::string> split_files(std::string_view text) {
  std::vector<std::string> files;
  for (auto& piece : split(text, " ")) {
    const bool begins = std::string_view("/~%$").find(piece.front()) != std::string_view::npos;
    if (begins || files.empty())
      files.push_back(std::move(piece));
    else
      files.back() += " " + piece;
  }
  return files;
}

void append(std::vector<std::string>& list, std::vector<std::string> more) {
  for (auto& one : more)
    if (one != "none") list.push_back(std::move(one));
}

void set(std::optional<std::string>& option, std::string_view value) {
  if (value != "none") option = std::string(value);
}

// NAME of a text that begins with ${NAME}, else empty.
std::string variable_at(std::string_view text) {
  if (!text.starts_with("${")) return {};
  const auto end = text.find('}');
  return end == std::string_view::npos ? std::string() : std::string(text.substr(2, end - 2));
}

std::string token_value(char token, const ConfigTokens& tokens) {
  switch (token) {
    case '%':
      return "%";
    case 'd':
      return tokens.home;
    case 'h':
      return tokens.host;
    case 'i':
      return tokens.user_id;
    case 'n':
      return tokens.alias;
    case 'p':
      return std::to_string(tokens.port);
    case 'r':
      return tokens.remote_user;
    case 'u':
      return tokens.local_user;
    default:
      return {'%', token};
  }
}

// Of a line of a configuration file; none of a comment.
std::vector<std::string> words_of(std::string_view line) {
  auto words = split(line, " \t=\"");
  if (!words.empty() && words.front().starts_with('#')) words.clear();
  return words;
}

// By the patterns of a Host line, of which one with ! forbids it.
bool matches(std::span<const std::string> patterns, const std::string& host) {
  bool found = false;
  for (const std::string& pattern : patterns) {
    const bool negated = pattern.starts_with('!');
    if (::fnmatch(pattern.c_str() + (negated ? 1 : 0), host.c_str(), 0) != 0) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

}  // namespace

ClientConfig parse_client_config(std::string_view text) {
  ClientConfig config;
  for (const auto& raw : core::split_lines(text)) {
    const auto line = core::trim(raw);
    const auto space = line.find(' ');
    if (space == std::string_view::npos) continue;
    const auto key = line.substr(0, space);
    const auto value = core::trim(line.substr(space + 1));
    if (key == "hostname") set(config.host_name, value);
    if (key == "user") set(config.user, value);
    if (key == "hostkeyalias") set(config.host_key_alias, value);
    if (key == "identityagent") config.identity_agent = std::string(value);  // "none" means no agent
    if (key == "proxycommand") set(config.proxy_command, value);
    if (key == "revokedhostkeys") set(config.revoked_host_keys, value);
    if (key == "port") config.port = core::parse_port(value);
    if (key == "identityfile") append(config.identity_files, {std::string(value)});
    if (key == "certificatefile") append(config.certificate_files, {std::string(value)});
    if (key == "userknownhostsfile") append(config.known_hosts_files, split_files(value));
    if (key == "globalknownhostsfile") append(config.global_known_hosts_files, split_files(value));
    if (key == "proxyjump") append(config.proxy_jump, split(value, ","));
    if (key == "identitiesonly") config.identities_only = value == "yes";
  }
  return config;
}

std::string keyword_for(std::string_view text, const std::string& host) {
  constexpr std::array k_keys{"hostname",
                              "user",
                              "port",
                              "hostkeyalias",
                              "identityagent",
                              "identityfile",
                              "identitiesonly",
                              "certificatefile",
                              "proxycommand",
                              "proxyjump",
                              "revokedhostkeys",
                              "userknownhostsfile",
                              "globalknownhostsfile"};
  bool of_host = true;
  for (const auto& line : core::split_lines(text)) {
    auto words = words_of(line);
    if (words.empty()) continue;
    const std::string key = core::to_lower(words.front());
    if (key == "match") of_host = true;
    if (key == "host") of_host = matches(std::span(words).subspan(1), host);
    if (of_host && std::ranges::find(k_keys, key) != k_keys.end()) return words.front();
  }
  return {};
}

ConfigNames names_in_config(std::string_view text) {
  ConfigNames names;
  for (const auto& line : core::split_lines(text)) {
    auto words = words_of(line);
    if (words.empty()) continue;
    const std::string key = core::to_lower(words.front());
    words.erase(words.begin());
    if (key == "include") std::ranges::move(words, std::back_inserter(names.includes));
    if (key != "host") continue;
    for (auto& word : words)
      if (word.find_first_of("*?!") == std::string::npos) names.hosts.push_back(std::move(word));
  }
  return names;
}

std::optional<HostAddress> parse_host_address(std::string_view text) {
  HostAddress address;
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    if (at == 0) return {};
    address.user = std::string(text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return {};
    address.host = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    if (!text.empty() && text.front() != ':') return {};
  } else {
    // More than one colon is an IPv6 address without brackets, which carries no port.
    const auto colon = text.find(':');
    const bool has_port = colon != std::string_view::npos && text.rfind(':') == colon;
    address.host = has_port ? text.substr(0, colon) : text;
    text.remove_prefix(address.host.size());
  }
  if (address.host.empty()) return {};
  if (text.starts_with(':')) {
    address.port = core::parse_port(text.substr(1));
    if (!address.port) return {};
  }
  return address;
}

std::string expand_path(std::string_view path, const ConfigTokens& tokens) {
  std::string expanded;
  if (path == "~" || path.starts_with("~/")) {
    expanded = tokens.home;
    path.remove_prefix(1);
  }
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (const auto name = variable_at(path.substr(i)); !name.empty() && tokens.variable) {
      if (const auto value = tokens.variable(name)) {
        expanded += *value;
        i += name.size() + 2;
        continue;
      }
    }
    if (path[i] != '%' || i + 1 == path.size()) {
      expanded.push_back(path[i]);
      continue;
    }
    expanded += token_value(path[++i], tokens);
  }
  return expanded;
}

}  // namespace bgdeploy::ssh
