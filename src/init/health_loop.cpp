#include "health_loop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::init {
namespace {

using Words = std::vector<std::string>;
constexpr int k_most = 100'000;

std::optional<int> count_of(std::string_view text) {
  const auto number = core::parse_number<int>(text);
  return number && *number > 0 && *number <= k_most ? number : std::nullopt;
}

// "{1..10}"; and `seq`, whose command stands behind that of `for`.
std::optional<int> tries_of(const std::vector<Words>& commands, std::size_t at) {
  for (const std::string& word : commands[at])
    if (word.starts_with("{1..") && word.ends_with('}')) return count_of(word.substr(4, word.size() - 5));
  if (at + 1 < commands.size() && !commands[at + 1].empty() && commands[at + 1][0] == "seq")
    return count_of(commands[at + 1].back());
  return std::nullopt;
}

std::optional<int> value_behind(const Words& words, std::string_view word) {
  const auto found = std::ranges::find(words, word);
  if (found == words.end() || found + 1 == words.end()) return std::nullopt;
  const std::string& text = *(found + 1);
  return count_of(text.substr(0, text.find_last_not_of("s]") + 1));
}

bool counts_successes(const Words& words) {
  return std::ranges::any_of(words, [](const std::string& word) {
    return core::to_lower(word).find("success") != std::string::npos;
  });
}

constexpr std::size_t k_loop = 40;

bool is(const std::vector<Words>& commands, std::size_t at, std::string_view word) {
  return !commands[at].empty() && commands[at][0] == word;
}

bool begins_loop(const std::vector<Words>& commands, std::size_t at) {
  return is(commands, at, "for") || is(commands, at, "while") || is(commands, at, "until");
}

// Where the loop around it begins.
std::optional<std::size_t> loop_of(const std::vector<Words>& commands, std::size_t at) {
  std::size_t begin = at;
  while (begin > 0 && begin + k_loop > at && !begins_loop(commands, begin) && !is(commands, begin, "done"))
    --begin;
  return begins_loop(commands, begin) ? std::optional(begin) : std::nullopt;
}

bool is_local(std::string_view url) {
  const std::size_t begin = url.find("://");
  const std::string_view host = begin == std::string_view::npos ? "" : url.substr(begin + 3);
  return host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("0.0.0.0") ||
         host.starts_with('$');
}

}  // namespace

std::string local_url(std::string_view word, std::string filled) {
  // curl does without.
  if (filled.starts_with("localhost") || filled.starts_with("127.")) filled = "http://" + filled;
  return is_local(filled) || is_local(word) ? filled : std::string();
}

std::string url_by_address(const std::string& url) {
  constexpr std::string_view k_scheme = "http://";
  if (!url.starts_with(k_scheme)) return {};
  const std::string_view rest = std::string_view(url).substr(k_scheme.size());
  const std::string_view authority = rest.substr(0, rest.find('/'));
  const std::size_t colon = authority.find(':');
  const std::string_view address = authority.substr(0, colon);
  // Clouds answer what a machine is by 169.254.169.254.
  const bool is_address = std::ranges::count(address, '.') == 3 && !address.starts_with("169.254.") &&
                          address.find_first_not_of("0123456789.") == std::string_view::npos;
  return is_address && colon != std::string_view::npos ? url : std::string();
}

bool in_loop(const std::vector<Words>& commands, std::size_t at) {
  return loop_of(commands, at).has_value();
}

void tell_health_loop(Draft& draft, const std::vector<Words>& commands, std::size_t at,
                      const std::string& source) {
  const auto begin = loop_of(commands, at);
  if (!begin) return;
  std::optional<int> wait, successes;
  for (std::size_t i = *begin; i < commands.size() && i < at + k_loop && !is(commands, i, "done"); ++i) {
    if (!wait) wait = value_behind(commands[i], "sleep");
    if (!successes && counts_successes(commands[i])) successes = value_behind(commands[i], "-ge");
  }
  const auto tries = tries_of(commands, *begin);
  if (tries && wait && *tries <= k_most / *wait)
    draft.say({"health", "deadline"}, fmt::format("{}s", *tries * *wait),
              fmt::format("{} tries, {} s apart, in {}", *tries, *wait, source));
  if (successes && *successes > 1)
    draft.say({"health", "success_threshold"}, *successes, "in a row, as in " + source);
}

}  // namespace bgdeploy::init
