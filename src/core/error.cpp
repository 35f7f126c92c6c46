#include "bgdeploy/core/error.hpp"

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

Error Error::within(std::string_view context) && {
  const auto prefix = std::string(context) + ": ";
  if (!message.starts_with(prefix)) message.insert(0, prefix);
  return std::move(*this);
}

}  // namespace bgdeploy::core
