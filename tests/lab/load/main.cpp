// bgload: a steady stream of requests through a proxy, and an exact count of those that failed.
#include <fmt/format.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string_view>

#include "load.hpp"

namespace {

constexpr std::string_view k_usage = R"(usage: bgload [OPTIONS] URL

Sends requests to URL at a steady rate until SIGINT, SIGTERM or the end of its time; then waits for what is in
flight and prints a JSON summary. Of fifty requests 34 are GET and 5 POST on new connections, 10 GET on
connections that are kept (sent once more where a reused one closed without an answer, as RFC 9110 allows), and
one a POST on such a connection, which is counted apart: no proxy can promise it. One slow GET is always in
flight. It says "started" on stderr at the first good answer. Exit code 1 when a request failed.

  --rate N          requests a second (200)
  --seconds N       1 to 600 (600)
  --slow-ms N       length of the request that is always in flight; 0: none (3000)
  --timeout-ms N    for each request, beyond --slow-ms for the slow one (10000)
  --host NAME       the Host header, and the name that TLS asks for, in place of the address
  --keep-alive      all GETs on connections that are kept

example: bgload --rate 200 --seconds 30 http://127.0.0.1:8080/
)";

constexpr int k_max_seconds = 600;

std::optional<int> number(std::string_view text, int low, int high) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high)
    return std::nullopt;
  return value;
}

std::optional<bgload::Options> parse(int argc, char** argv, std::string& error) {
  using std::chrono::milliseconds;
  bgload::Options options;
  options.length = std::chrono::seconds{k_max_seconds};
  std::string_view url, host;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--keep-alive") {
      options.keep_alive = true;
    } else if (name == "--host") {
      host = i + 1 < argc ? argv[++i] : "";
    } else if (name.starts_with("--")) {
      const int high = name == "--seconds" ? k_max_seconds : name == "--rate" ? 2000 : 60'000;
      const auto value = number(i + 1 < argc ? argv[++i] : "", name == "--slow-ms" ? 0 : 1, high);
      if (!value) return error = fmt::format("{}: 1 to {} expected", name, high), std::nullopt;
      if (name == "--rate")
        options.rate = *value;
      else if (name == "--seconds")
        options.length = std::chrono::seconds{*value};
      else if (name == "--slow-ms")
        options.slow = milliseconds{*value};
      else if (name == "--timeout-ms")
        options.timeout = milliseconds{*value};
      else
        return error = fmt::format("unknown option {}", name), std::nullopt;
    } else {
      url = name;
    }
  }
  auto target = bgload::parse_target(url);
  if (!target) return error = fmt::format("{}: {}", url, target.error()), std::nullopt;
  options.target = std::move(*target);
  if (!host.empty()) options.target.host = host;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  std::string error;
  const auto options = parse(argc, argv, error);
  if (!options) {
    fmt::print(stderr, "bgload: {}\n\n{}", error, k_usage);
    return 2;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int stop_fd = ::signalfd(-1, &signals, SFD_CLOEXEC);

  bgload::Load load(*options);
  load.run(stop_fd, [] { fmt::print(stderr, "started\n"); });
  ::close(stop_fd);
  fmt::print("{}\n", load.summary().to_json());
  return load.summary().all_good() ? 0 : 1;
}
