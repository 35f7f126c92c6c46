#include "bgdeploy/ssh/config.hpp"

#include <charconv>

#include "bgdeploy/core/text.hpp"

namespace bgdeploy::ssh {
namespace {

std::optional<int> parse_port(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port < 1 || port > 65535) return {};
  return port;
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// `ssh -G` parts files with spaces and does not quote those within: what does not begin as a path goes on
// from the piece before it.
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
    if (key == "port") config.port = parse_port(value);
    if (key == "identityfile") append(config.identity_files, {std::string(value)});
    if (key == "certificatefile") append(config.certificate_files, {std::string(value)});
    if (key == "userknownhostsfile") append(config.known_hosts_files, split_files(value));
    if (key == "globalknownhostsfile") append(config.global_known_hosts_files, split_files(value));
    if (key == "proxyjump") append(config.proxy_jump, split(value, ","));
    if (key == "identitiesonly") config.identities_only = value == "yes";
  }
  return config;
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
    address.port = parse_port(text.substr(1));
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
    switch (path[++i]) {
      case '%':
        expanded.push_back('%');
        break;
      case 'd':
        expanded += tokens.home;
        break;
      case 'h':
        expanded += tokens.host;
        break;
      case 'i':
        expanded += tokens.user_id;
        break;
      case 'n':
        expanded += tokens.alias;
        break;
      case 'p':
        expanded += std::to_string(tokens.port);
        break;
      case 'r':
        expanded += tokens.remote_user;
        break;
      case 'u':
        expanded += tokens.local_user;
        break;
      default:
        expanded.push_back('%');
        expanded.push_back(path[i]);
    }
  }
  return expanded;
}

}  // namespace bgdeploy::ssh
