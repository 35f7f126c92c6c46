#include "bgdeploy/spec/reference.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "text_rules.hpp"

namespace bgdeploy::spec {
namespace {

using core::ErrorKind;
using core::fail;

bool is_lower_alnum(char c) {
  return core::is_digit(c) || (c >= 'a' && c <= 'z');
}

// [a-z0-9]+ joined by ".", "_", "__" or any number of "-".
bool is_path_component(std::string_view text) {
  if (text.empty() || !is_lower_alnum(text.front()) || !is_lower_alnum(text.back())) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_lower_alnum(text[i]) || text[i] == '-') continue;
    const bool twice = text[i] == '_' && text[i + 1] == '_';
    if (text[i] != '.' && text[i] != '_') return false;
    const char next = text[i + (twice ? 2 : 1)];
    if (!is_lower_alnum(next)) return false;
    if (twice) ++i;
  }
  return true;
}

// Docker takes the part before the first slash for a registry when it cannot be an owner's name.
bool is_registry(std::string_view text) {
  return text == "localhost" || text.find_first_of(".:") != std::string_view::npos ||
         std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_valid_registry(std::string_view text) {
  const bool v6 = text.starts_with('[');
  const std::size_t end = v6 ? text.find(']') : text.find(':');
  if (v6 && end == std::string_view::npos) return false;
  const std::string_view host = v6 ? text.substr(1, end - 1) : text.substr(0, end);
  const std::string_view rest = end == std::string_view::npos ? "" : text.substr(v6 ? end + 1 : end);
  if (host.empty() || host[0] == '-' || !all_of(host, v6 ? "0123456789abcdefABCDEF:." : k_word_characters))
    return false;
  return rest.empty() || (rest[0] == ':' && to_port(rest.substr(1)));
}

}  // namespace

core::Result<> check_tag(std::string_view tag) {
  const bool valid =
      !tag.empty() && tag.size() <= 128 && tag[0] != '.' && tag[0] != '-' && all_of(tag, k_word_characters);
  if (valid) return {};
  return fail(
      ErrorKind::usage,
      fmt::format(
          "{} is not a tag: 1 to 128 letters, digits, '_', '.' and '-', beginning with none of the last two",
          in_quotes(tag)));
}

core::Result<> check_digest(std::string_view digest) {
  const bool valid = digest.starts_with("sha256:") && digest.size() == 7 + 64 &&
                     all_of(digest.substr(7), "0123456789abcdef");
  if (valid) return {};
  return fail(ErrorKind::usage,
              fmt::format("{} is not a digest: 'sha256:' and 64 hex digits", in_quotes(digest)));
}

core::Result<> check_repository(std::string_view repository) {
  const auto wrong = [&](std::string_view what) {
    return fail(
        ErrorKind::usage,
        fmt::format("{}: {}; it is such as 'owner/app' or 'registry.example.com:5000/app', in lower case",
                    what, in_quotes(repository)));
  };
  if (repository.empty()) return fail(ErrorKind::usage, "must not be empty");
  if (const std::size_t at = repository.find('@'); at != std::string_view::npos) {
    return fail(ErrorKind::usage,
                fmt::format("must not carry a digest: write {} here, and give the digest with --digest",
                            in_quotes(repository.substr(0, at))));
  }
  const std::size_t colon = repository.rfind(':');
  if (const auto scheme = repository.find("://"); scheme != std::string_view::npos)
    return fail(ErrorKind::usage, fmt::format("must not begin with a scheme: write {}",
                                              in_quotes(repository.substr(scheme + 3))));
  if (colon != std::string_view::npos && repository.find('/', colon) == std::string_view::npos) {
    return fail(ErrorKind::usage,
                fmt::format("must not carry a tag: write {} here, and give the tag with --tag",
                            in_quotes(repository.substr(0, colon))));
  }
  std::string_view path = repository;
  const std::size_t slash = repository.find('/');
  if (slash != std::string_view::npos && is_registry(repository.substr(0, slash))) {
    if (!is_valid_registry(repository.substr(0, slash))) return wrong("names no valid registry");
    path = repository.substr(slash + 1);
  }
  if (repository.size() > 255) return wrong("is longer than 255");
  for (;;) {
    const std::size_t end = path.find('/');
    if (!is_path_component(path.substr(0, end))) return wrong("names no valid repository");
    if (end == std::string_view::npos) return {};
    path.remove_prefix(end + 1);
  }
}

}  // namespace bgdeploy::spec
