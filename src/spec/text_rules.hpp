// The rules for names, numbers and addresses in the spec, and how a message quotes a value.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "bgdeploy/core/number.hpp"

namespace bgdeploy::spec {

constexpr std::string_view k_alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr std::string_view k_word_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

// What stands below these keys may be a secret in the wrong place.
constexpr std::array<std::string_view, 4> k_secret_keys = {"secrets", "password", "slack", "webhook"};

inline bool all_of(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

// 'text', shortened and safe for a terminal.
std::string in_quotes(std::string_view text);

std::optional<std::int64_t> to_integer(std::string_view text);  // digits, maybe behind a minus
std::optional<int> to_port(std::string_view text);              // 1 to 65535

// "8081:8080", as compose and docker write what they publish.
struct PublishedPort {
  std::string_view host, container;
};
std::optional<PublishedPort> to_published_port(std::string_view text);

bool has_control_character(std::string_view text);
bool is_absolute(std::string_view text);      // a path on a host
bool has_placeholder(std::string_view text);  // {slot} and the like

// Whether that key, somewhere below a section of the root, is a text for a shell: "exactly as it is written"
// means that no ${VAR} in it is replaced.
bool is_command_line(std::string_view section, std::string_view key);

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
