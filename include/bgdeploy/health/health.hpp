// Asking a new container whether it can serve, and waiting until it can.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/host/host.hpp"
#include "bgdeploy/runtime/runtime.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::health {

struct Answer {
  bool healthy = false;
  // "HTTP 200", "HTTP 503: starting", "body does not contain 'server is on': {…}", "connection refused".
  // One printable line of at most 200 bytes and an ellipsis.
  std::string text;
  bool lost = false;       // the host itself cannot be asked any more
  bool timed_out = false;  // there was none within the time
  bool early = false;      // it has run without an end so far, and only time can tell
  bool is_final = false;   // it will be the same for as long as the container lives
  bool silent = false;     // nothing came back over the network: refused, closed, or no answer in time
  std::string asked{};     // "GET http://127.0.0.1:8081/health"; empty where nothing was asked over a network
  std::string next{};      // what to mend, where the answer itself tells; as core::Error::next
  std::optional<core::Duration> took{};
};

// One question to one container.
class Prober {
public:
  virtual ~Prober() = default;
  // Takes at most the spec's timeout, and no longer than the wait.
  virtual Answer probe(const core::Wait& wait) = 0;
  // Whether what it asks over the network takes a TLS handshake, where it gives no answer in plain HTTP.
  virtual bool speaks_tls(const core::Wait&) { return false; }
};

struct Target {
  host::Host& host;
  runtime::Inspection& inspection;
  std::string container;           // id
  runtime::Reachable reachable;    // from the host itself
  std::string direct_address;      // in the place of reachable's with `via: direct`
  std::filesystem::path socket{};  // that leads there; empty: the host opens one
};

// http: a new connection each time, no redirects followed, no proxy, at most 1 MB of the body looked at.
// tcp: the connection must still be open a moment later, since docker's own proxy accepts for an application
// that does not listen yet and then hangs up. docker: the image's HEALTHCHECK. exec: exit code 0. running:
// docker has run it for that long without an end.
std::unique_ptr<Prober> make_prober(const spec::Health& health, const Target& target);

struct Waiting {
  const spec::Health& health;
  core::SteadyTime started;      // of the container: the deadline counts from here
  std::function<bool()> exited;  // the container is not running any more: give up at once
  std::function<void(const Answer&, int attempt)> probed;  // after every probe
  std::string name = "the container";                      // for messages
  std::function<void(Answer&)> refine{};                   // finds out more about the last answer of all
};

// Probes until `success_threshold` consecutive answers are healthy: at once, and then every `interval`, from
// the start of one probe to the start of the next. While nothing has been healthy yet the first intervals are
// shorter (50 ms, growing by half each time), so that an application that boots at once is seen at once.
// There is always one probe, however late, and that has its whole timeout; a later one has no more than is
// left to the deadline, or 500 ms. Kinds: unhealthy (deadline, exit or a final answer; the message quotes the
// last answer with what was asked), cancelled, lost.
core::Result<void> await_healthy(Prober& prober, const Waiting& waiting, core::Clock& clock,
                                 std::stop_token stop);

}  // namespace bgdeploy::health
