#include "bgdeploy/report/render.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>

#include "renderers.hpp"

namespace bgdeploy::report {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : value;
}

struct Kind {
  std::string_view name;
  std::unique_ptr<Sink> (*make)(const Terminal&, core::Clock&);
};
constexpr std::array k_kinds = {Kind{"json", json_renderer}, Kind{"plain", plain_renderer},
                                Kind{"github", github_renderer}, Kind{"tty", tty_renderer}};

std::string_view resolve(std::string_view kind, const Terminal& terminal) {
  if (kind != "auto") return kind;
  if (terminal.is_tty) return "tty";
  return environment("GITHUB_ACTIONS") == "true" ? "github" : "plain";
}

}  // namespace

Terminal look_at(std::FILE* stream, bool no_color, bool quiet, bool verbose) {
  Terminal terminal{.stream = stream, .quiet = quiet, .verbose = verbose};
  const int fd = ::fileno(stream);
  // A terminal that cannot move its cursor is treated as a file.
  terminal.is_tty =
      fd >= 0 && ::isatty(fd) == 1 && environment("TERM") != "dumb" && !environment("TERM").empty();
  // https://no-color.org: set and not empty.
  terminal.color = terminal.is_tty && !no_color && environment("NO_COLOR").empty();
  winsize size{};
  if (terminal.is_tty && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.width = size.ws_col;
    terminal.height = size.ws_row;
  }
  return terminal;
}

bool is_for_programs(std::string_view kind, const Terminal& terminal) {
  const auto chosen = resolve(kind, terminal);
  return chosen == "json" || chosen == "github";
}

bool is_for_github(std::string_view kind, const Terminal& terminal) {
  return resolve(kind, terminal) == "github";
}

std::unique_ptr<Sink> pick(std::string_view kind, const Terminal& terminal, core::Clock& clock) {
  const auto wanted = resolve(kind, terminal);
  for (const auto& candidate : k_kinds) {
    if (candidate.name == wanted) return candidate.make(terminal, clock);
  }
  return plain_renderer(terminal, clock);
}

}  // namespace bgdeploy::report
