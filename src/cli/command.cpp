#include "command.hpp"

#include <pwd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "bgdeploy/report/json_text.hpp"
#include "bgdeploy/report/render.hpp"

namespace bgdeploy::cli {

using core::ErrorKind;
using core::Result;

namespace {

std::atomic<int> g_output_error = 0;

// Systemd, cron and some CI agents set no HOME.
std::optional<std::string> variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (name != "HOME" || (value && *value != '\0'))
    return value ? std::optional<std::string>(value) : std::nullopt;
  const passwd* account = getpwuid(geteuid());
  return account ? std::optional<std::string>(account->pw_dir) : std::nullopt;
}

Result<std::filesystem::path> find_spec(const std::string& given) {
  if (!given.empty()) return std::filesystem::path(given);
  for (const char* name : {"bgdeploy.yml", "bgdeploy.yaml"})
    if (std::error_code error; std::filesystem::exists(name, error)) return std::filesystem::path(name);
  return core::fail(ErrorKind::usage, "there is no bgdeploy.yml here; name the spec with -f FILE");
}

Result<std::string> read_file(const std::filesystem::path& path) {
  // The loader says what is too large; this bounds the memory. Never allocated ahead: clearing that much
  // would take longer than all the rest of loading.
  constexpr std::size_t k_most = std::size_t{16} << 20;
  std::ifstream stream(path, std::ios::binary);
  std::string text;
  std::array<char, 16384> chunk;
  while (stream && text.size() < k_most) {
    stream.read(chunk.data(), chunk.size());
    text.append(chunk.data(), static_cast<std::size_t>(stream.gcount()));
  }
  if (!stream && !stream.eof())
    return core::fail(ErrorKind::usage, fmt::format("{} cannot be read", path.string()));
  return text;
}

// Cron and CI containers set no USER.
std::string user_name() {
  for (const char* name : {"USER", "LOGNAME"})
    if (auto value = variable(name); value && !value->empty()) return *value;
  if (const passwd* entry = getpwuid(geteuid())) return entry->pw_name;
  return fmt::format("uid{}", geteuid());
}

std::string who_am_i() {
  utsname machine{};
  uname(&machine);
  return core::printable(fmt::format("{}@{} (pid {})", user_name(), machine.nodename, getpid()));
}

}  // namespace

Result<spec::Spec> load_spec(const Globals& globals) {
  BGDEPLOY_ASSIGN(const auto path, find_spec(globals.file));
  BGDEPLOY_ASSIGN(std::string text, read_file(path));
  return spec::load({path, std::move(text)}, globals.environment, variable);
}

Result<std::unique_ptr<Session>> Session::open(const Globals& globals) {
  auto session = std::make_unique<Session>();
  BGDEPLOY_ASSIGN(session->m_spec, load_spec(globals));
  const auto terminal = report::look_at(stderr, globals.no_color, globals.quiet, globals.verbose);
  session->m_sink =
      std::make_unique<report::Veil>(report::pick(globals.progress, terminal, core::system_clock()));
  session->m_context.emplace(deploy::Context{session->m_spec, variable, core::system_clock(),
                                             *session->m_sink, globals.stop, who_am_i()});
  return session;
}

void add_output_option(CLI::App& command, Globals& globals) {
  command.add_option("-o,--output", globals.output, "What stdout gets: text or json")
      ->check(CLI::IsMember({"text", "json"}));
}

void refuse_planned(CLI::App& command, std::initializer_list<const char*> names) {
  // A flag's callback runs whatever follows it; a validator is not asked about an option without a value.
  for (const char* name : names) {
    const auto refuse = [name] { throw CLI::ValidationError(std::string(name) + " is not supported yet"); };
    command.add_flag_callback(name, refuse, "Not supported yet")->group("");
  }
}

std::string error_text(std::string_view heading, const core::Error& error) {
  std::string text = fmt::format("{}: {}\n", heading, core::printable(error.message));
  for (const std::string& detail : error.details)
    for (const std::string& line : core::split_lines(detail))
      text += fmt::format("  {}\n", core::printable(line));
  return text;
}

int print_error(const core::Error& error) {
  print(error_text("error", error), stderr);
  return deploy::exit_code(error.kind);
}

bool print(std::string_view text, std::FILE* stream) {
  if (std::fwrite(text.data(), 1, text.size(), stream) == text.size() && std::fflush(stream) == 0)
    return true;
  if (stream == stdout) g_output_error = errno;
  return false;
}

int output_error() {
  return g_output_error;
}

bool print_json(std::string_view document) {
  return print(report::json_for_terminals(document) + "\n");
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], core::printable(row[i]).size());
    }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += fmt::format("{:<{}}  ", core::printable(row[i]), widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

std::string age(core::SystemTime then, core::SystemTime now) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - then).count();
  const auto say = [](std::int64_t count, std::string_view unit) {
    return fmt::format("{} {}{} ago", count, unit, count == 1 ? "" : "s");
  };
  if (seconds < 60) return say(std::max<std::int64_t>(seconds, 0), "second");
  if (seconds < 3600) return say(seconds / 60, "minute");
  if (seconds < 86400) return say(seconds / 3600, "hour");
  return say(seconds / 86400, "day");
}

}  // namespace bgdeploy::cli
