#include "bgdeploy/report/program.hpp"

#include <algorithm>
#include <string_view>

namespace bgdeploy::report {
namespace {

constexpr std::string_view k_name = "bgdeploy";

// A letter, a digit, or what joins words: "bgdeploy-1", "/etc/bgdeploy".
bool is_of_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_./~").find(c) != std::string_view::npos;
}

// The word that follows the name and one blank.
std::string_view command_after(std::string_view rest) {
  if (!rest.starts_with(' ')) return {};
  rest.remove_prefix(1);
  const auto end = std::ranges::find_if(rest, [](char c) { return c < 'a' || c > 'z'; });
  return {rest.begin(), end};
}

}  // namespace

std::string Program::in(std::string text) const {
  if (call == k_name) return text;
  for (std::size_t at = 0; (at = text.find(k_name, at)) != std::string::npos;) {
    const std::string_view rest = std::string_view(text).substr(at + k_name.size());
    const bool is_call = (at == 0 || !is_of_word(text[at - 1])) &&
                         std::ranges::find(commands, command_after(rest)) != commands.end();
    if (is_call) text.replace(at, k_name.size(), call);
    at += is_call ? call.size() : k_name.size();
  }
  return text;
}

core::Error Program::in(core::Error error) const {
  for (std::string& detail : error.details) detail = in(std::move(detail));
  error.next = in(std::move(error.next));
  return error;
}

}  // namespace bgdeploy::report
