#include "bgdeploy/core/error.hpp"

#include <cctype>

namespace bgdeploy::core {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::unsupported:
      return "unsupported";
    case ErrorKind::unreachable:
      return "unreachable";
    case ErrorKind::untrusted:
      return "untrusted";
    case ErrorKind::denied:
      return "denied";
    case ErrorKind::lost:
      return "lost";
    case ErrorKind::timeout:
      return "timeout";
    case ErrorKind::cancelled:
      return "cancelled";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::conflict:
      return "conflict";
    case ErrorKind::refused:
      return "refused";
    case ErrorKind::unhealthy:
      return "unhealthy";
    case ErrorKind::locked:
      return "locked";
    case ErrorKind::frozen:
      return "frozen";
    case ErrorKind::nothing:
      return "nothing";
    case ErrorKind::inconsistent:
      return "inconsistent";
    case ErrorKind::io:
      return "io";
    case ErrorKind::internal:
      return "internal";
  }
  return "internal";
}

namespace {

bool has_word(std::string_view text, std::string_view word) {
  const auto goes_on = [&](std::size_t at) {
    return at < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[at])) != 0 || text[at] == '-' || text[at] == '_');
  };
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1))
    if ((at == 0 || !goes_on(at - 1)) && !goes_on(at + word.size())) return true;
  return false;
}

}  // namespace

Error Error::within(std::string_view context) && {
  if (!has_word(message, context)) message.insert(0, std::string(context) + ": ");
  return std::move(*this);
}

}  // namespace bgdeploy::core
