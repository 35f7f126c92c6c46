#include "text_rules.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "bgdeploy/core/printable.hpp"

namespace bgdeploy::spec {

std::string in_quotes(std::string_view text) {
  constexpr std::size_t k_longest = 60;
  if (text.size() <= k_longest) return "'" + core::printable(text) + "'";
  std::size_t end = k_longest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return "'" + core::printable(text.substr(0, end)) + "…'";
}

std::optional<std::int64_t> to_integer(std::string_view text) {
  if (!text.starts_with('-')) return core::parse_number<std::int64_t>(text);
  const auto number = core::parse_number<std::int64_t>(text.substr(1));
  return number ? std::optional(-*number) : std::nullopt;
}

std::optional<int> to_port(std::string_view text) {
  const auto value = to_integer(text);
  if (!value || *value < 1 || *value > 65535) return {};
  return static_cast<int>(*value);
}

std::optional<PublishedPort> to_published_port(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return {};
  const PublishedPort both{text.substr(0, colon), text.substr(colon + 1)};
  return to_port(both.host) && to_port(both.container) ? std::optional(both) : std::nullopt;
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

bool is_absolute(std::string_view text) {
  return text.starts_with('/') && !has_control_character(text);
}

bool has_placeholder(std::string_view text) {
  constexpr std::array<std::string_view, 8> k_names{"{slot}", "{port}",    "{container}", "{container_port}",
                                                    "{host}", "{address}", "{tag}",       "{service}"};
  return std::any_of(k_names.begin(), k_names.end(),
                     [&](std::string_view name) { return text.find(name) != std::string_view::npos; });
}

bool is_command_line(std::string_view section, std::string_view key) {
  return (section == "hooks" && (key == "run" || key == "host")) || (section == "watch" && key == "run");
}

bool is_lower_name(std::string_view text) {
  return !text.empty() && all_of(text.substr(0, 1), "abcdefghijklmnopqrstuvwxyz0123456789") &&
         all_of(text, "abcdefghijklmnopqrstuvwxyz0123456789._-");
}

bool is_container_name(std::string_view text) {
  return text.size() >= 2 && all_of(text.substr(0, 1), k_alnum) && all_of(text, k_word_characters);
}

bool is_variable_name(std::string_view text) {
  return !text.empty() && !core::is_digit(text[0]) && text.find_first_of(".-") == std::string_view::npos &&
         all_of(text, k_word_characters);
}

bool is_environment_name(std::string_view text) {
  return !text.empty() && !core::is_digit(text[0]) && text[0] != '.' && text[0] != '-' &&
         all_of(text, k_word_characters);
}

bool is_ip_address(std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  const std::string name(text);
  // inet_pton would stop at a NUL.
  if (text.find('\0') != std::string_view::npos) return false;
  return inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 255) return false;
  // A scope ("fe80::1%eth0") belongs to the address.
  if (text.find(':') != std::string_view::npos) {
    const std::size_t scope = std::min(text.find('%'), text.size());
    return is_ip_address(text.substr(0, scope)) &&
           (scope == text.size() ||
            (scope + 1 < text.size() && all_of(text.substr(scope + 1), k_word_characters)));
  }
  return text[0] != '-' && text[0] != '.' && all_of(text, k_word_characters);
}

bool is_user_name(std::string_view text) {
  // Directory users have names such as "jo@example.com" and "CORP\\jo"; none has a blank or a quote.
  return !text.empty() && text.size() <= 255 && text[0] != '-' && !has_control_character(text) &&
         text.find_first_of(" \"'`;|&<>()*?/") == std::string_view::npos;
}

bool is_key_fingerprint(std::string_view text) {
  constexpr std::size_t k_digits = 43;  // 32 bytes in base64
  return text.starts_with("SHA256:") && text.size() == 7 + k_digits &&
         text.substr(7).find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/") == std::string_view::npos;
}

}  // namespace bgdeploy::spec
