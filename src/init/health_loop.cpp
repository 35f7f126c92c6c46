#include "health_loop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/init/readers.hpp"

namespace bgdeploy::init {
namespace {

using Words = std::vector<std::string>;
constexpr int k_most = 100'000;

std::optional<int> count_of(std::string_view text) {
  const auto number = core::parse_number<int>(text);
  return number && *number > 0 && *number <= k_most ? number : std::nullopt;
}

// "10" of "((i = 0; i < 10; i++))".
std::optional<int> tries_of_arithmetic(std::string_view text) {
  const std::size_t less = text.find('<');
  if (!text.starts_with("((") || less == std::string_view::npos) return std::nullopt;
  const std::size_t begin = text.find_first_not_of("<= ", less);
  const std::size_t end = std::min(text.find_first_of(" ;)&", begin), text.size());
  return begin == std::string_view::npos ? std::nullopt : count_of(text.substr(begin, end - begin));
}

// Of "-m 5" and of "--timeout=5".
std::optional<int> value_behind(const Words& words, std::string_view word) {
  const auto found = std::ranges::find_if(words, [&](const std::string& one) {
    return one == word || (one.starts_with(word) && one.substr(word.size()).starts_with('='));
  });
  if (found == words.end()) return std::nullopt;
  const bool attached = found->size() > word.size();
  if (!attached && found + 1 == words.end()) return std::nullopt;
  const std::string text = attached ? found->substr(word.size() + 1) : *(found + 1);
  return count_of(text.substr(0, text.find_last_not_of("s]") + 1));
}

// How often the loop asks that begins there: "{1..10}", "1 2 3", "((i = 0; i < 10; i++))", "[ $i -lt 10 ]";
// and `seq`, whose command stands behind that of `for`.
std::optional<int> tries_of(const std::vector<Words>& commands, std::size_t at) {
  const Words& words = commands[at];
  for (const std::string& word : words) {
    if (word.starts_with("{1..") && word.ends_with('}')) return count_of(word.substr(4, word.size() - 5));
    if (const auto tries = tries_of_arithmetic(word)) return tries;
  }
  for (const char* less : {"-lt", "-le"})
    if (const auto tries = value_behind(words, less)) return tries;
  if (at + 1 < commands.size() && !commands[at + 1].empty() && commands[at + 1][0] == "seq")
    return count_of(commands[at + 1].back());
  const auto in = std::ranges::find(words, "in");
  const bool numbers = words.end() - in > 1 && std::all_of(in + 1, words.end(), count_of);
  return numbers ? std::optional(static_cast<int>(words.end() - in) - 1) : std::nullopt;
}

bool counts_successes(const Words& words) {
  return std::ranges::any_of(words, [](const std::string& word) {
    return core::to_lower(word).find("success") != std::string::npos;
  });
}

constexpr std::size_t k_loop = 40;

// Behind what CI files have before a command.
bool is(const std::vector<Words>& commands, std::size_t at, std::string_view word) {
  const auto first =
      std::ranges::find_if(commands[at], [](const std::string& one) { return one != "-" && one != "run:"; });
  return first != commands[at].end() && *first == word;
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

bool asks_docker(const std::vector<Words>& commands, std::size_t at) {
  return in_loop(commands, at) && std::ranges::any_of(commands[at], [](const std::string& word) {
           return word.contains(".State.Health.Status");
         });
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
  auto limit = value_behind(commands[*begin], "timeout");
  if (!limit && *begin > 0) limit = value_behind(commands[*begin - 1], "timeout");
  if (limit)
    draft.say({"health", "deadline"}, fmt::format("{}s", *limit), fmt::format("the timeout of {}", source));
  else if (tries && wait && *tries <= k_most / *wait)
    draft.say({"health", "deadline"}, fmt::format("{}s", *tries * *wait),
              fmt::format("{} tries, {} s apart, in {}", *tries, *wait, source));
  if (successes && *successes > 1)
    draft.say({"health", "success_threshold"}, *successes, "in a row, as in " + source);
}

void tell_health_request(Draft& draft, const Words& words, const std::string& source) {
  const auto tell_header = [&](std::string_view header) {
    const std::size_t colon = header.find(':');
    if (colon == std::string_view::npos) return;
    const std::string name(header.substr(0, colon));
    const std::string value(core::trim(header.substr(colon + 1)));
    if (is_secret(name, value) || is_secret("", header) || value.find_first_of("${") != std::string::npos)
      draft.note(fmt::format("the header {} of the health check in {}", name, source));
    else
      draft.say({"health", "http", "headers", name}, value, "from " + source);
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const std::string next = i + 1 < words.size() ? words[i + 1] : "";
    if (word == "-H" || word == "--header") tell_header(next);
    if (word.starts_with("--header=")) tell_header(std::string_view(word).substr(9));
    if ((word == "-X" || word == "--request") && next != "GET")
      draft.note(
          fmt::format("the method {} of the health check in {}: bgdeploy asks with GET", next, source));
  }
  for (const char* option : {"--max-time", "-m", "--timeout", "-T"})
    if (const auto seconds = value_behind(words, option)) {
      draft.say({"health", "timeout"}, fmt::format("{}s", *seconds), "from " + source);
      break;
    }
  const auto retries = value_behind(words, "--retry");
  const int wait = value_behind(words, "--retry-delay").value_or(1);
  if (retries && *retries <= k_most / wait)
    draft.say({"health", "deadline"}, fmt::format("{}s", *retries * wait),
              fmt::format("{} tries, {} s apart, in {}", *retries, wait, source));
}

}  // namespace bgdeploy::init
