// What names, numbers and addresses in the spec may look like; and how a value is quoted in a message.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bgdeploy/core/text.hpp"

namespace bgdeploy::spec {

constexpr std::string_view k_alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr std::string_view k_word_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

inline bool all_of(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

// 'text', shortened and safe for a terminal.
std::string in_quotes(std::string_view text);

std::optional<std::int64_t> to_integer(std::string_view text);
std::optional<int> to_port(std::string_view text);  // 1 to 65535

bool has_control_character(std::string_view text);
bool has_placeholder(std::string_view text);  // {slot} and the like

bool is_lower_name(std::string_view text);      // services and slots: [a-z0-9][a-z0-9._-]*
bool is_container_name(std::string_view text);  // docker's: [a-zA-Z0-9][a-zA-Z0-9_.-]+
bool is_variable_name(std::string_view text);   // [A-Za-z_][A-Za-z0-9_]*
// As containers' variables are named: dots and dashes too, which some programs want.
bool is_environment_name(std::string_view text);
bool is_ip_address(std::string_view text);
// A DNS name, an alias or an IP address: nothing that ssh or a shell could take for an option or two words.
bool is_host_name(std::string_view text);
bool is_user_name(std::string_view text);
// "SHA256:" and base64 without padding, as `ssh-keygen -l` prints it.
bool is_key_fingerprint(std::string_view text);

}  // namespace bgdeploy::spec
