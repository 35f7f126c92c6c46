// Errors are values. Every fallible function returns Result<T>; third-party exceptions are converted where
// they arise. A caller may branch on the kind, never on the text.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bgdeploy::core {

enum class ErrorKind {
  usage,         // the command line or the spec is wrong
  unsupported,   // known to the contract, not built yet
  unreachable,   // a host could not be resolved or connected to
  untrusted,     // a host key is unknown, changed or revoked
  denied,        // a login, a password-less sudo or a credential was refused
  lost,          // an established connection broke
  timeout,       // a deadline passed
  cancelled,     // the stop token fired (SIGINT, SIGTERM)
  not_found,     // a file, container, image or tag that does not exist
  conflict,      // a name or port is taken by somebody else
  refused,       // the other side answered with an error (docker, a proxy's test, an exit code)
  unhealthy,     // a container exited or never passed its health check
  locked,        // another deploy holds the lock
  frozen,        // `bgdeploy lock` forbids deploys
  nothing,       // nothing to roll back to, nothing to promote
  inconsistent,  // a human is needed: what serves is not what should
  io,            // a local file or system call failed
  internal,      // a bug
};

// "not_found", as the JSON events print it.
std::string_view to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;               // one line, no trailing period
  std::vector<std::string> details;  // further lines to show below: log lines, a tool's own words
  std::string next{};                // what to type, set or mend, without a period; empty: nothing is known

  // The same error with "context: " before its message, unless it names the context already.
  Error within(std::string_view context) &&;

  bool operator==(const Error&) const = default;
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorKind kind, std::string message, std::vector<std::string> details = {},
                                   std::string next = {}) {
  return std::unexpected(Error{kind, std::move(message), std::move(details), std::move(next)});
}

}  // namespace bgdeploy::core

#define BGDEPLOY_CONCAT_(a, b) a##b
#define BGDEPLOY_CONCAT(a, b) BGDEPLOY_CONCAT_(a, b)

// Returns the error of `expression` to the caller, or goes on.
#define BGDEPLOY_TRY(expression)                              \
  do {                                                        \
    if (auto try_result_ = (expression); !try_result_)        \
      return std::unexpected(std::move(try_result_).error()); \
  } while (false)

// Assigns the value of `expression` to `declaration`, or returns its error.
#define BGDEPLOY_ASSIGN(declaration, expression)                                          \
  auto BGDEPLOY_CONCAT(assign_result_, __LINE__) = (expression);                          \
  if (!BGDEPLOY_CONCAT(assign_result_, __LINE__))                                         \
    return std::unexpected(std::move(BGDEPLOY_CONCAT(assign_result_, __LINE__)).error()); \
  declaration = std::move(*BGDEPLOY_CONCAT(assign_result_, __LINE__))
