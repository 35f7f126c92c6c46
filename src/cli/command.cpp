#include "command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <mutex>

#include <fmt/format.h>

#include "bgdeploy/core/nearest.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/printable_json.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/io/fd.hpp"
#include "bgdeploy/io/wakeup.hpp"
#include "bgdeploy/report/render.hpp"
#include "commands.hpp"
#include "page.hpp"

namespace bgdeploy::cli {

using core::ErrorKind;
using core::Result;

namespace {

std::atomic<int> g_output_error = 0;
report::Program g_program;
bool g_no_color = false;
bool g_on_github = false;
bool g_document_due = false;  // `-o json` was asked for, and nothing printed yet

constexpr std::array<const char*, 2> k_spec_names{"bgdeploy.yml", "bgdeploy.yaml"};
constexpr const char* k_stdin = "-";

// Where it is likely to be instead: in a folder above.
std::optional<std::filesystem::path> spec_above() {
  std::error_code error;
  std::filesystem::path way = "..";
  auto folder = std::filesystem::current_path(error);
  while (!error && folder.has_relative_path()) {
    for (const char* name : k_spec_names)
      if (std::filesystem::exists(way / name, error)) return way / name;
    folder = folder.parent_path();
    way /= "..";
  }
  return {};
}

core::Error no_spec() {
  core::Error error{ErrorKind::usage, "there is no bgdeploy.yml here", {}};
  const auto above = spec_above();
  error.next = above ? "bgdeploy -f " + core::shell_quote(above->string())
                     : "name the spec with -f FILE, or let `bgdeploy init` write one";
  return error;
}

core::Error no_such_file(const std::filesystem::path& path) {
  std::vector<std::string> names;
  std::error_code error;
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (const auto kind = entry.path().extension(); kind == ".yml" || kind == ".yaml")
      names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  const auto meant = core::nearest(path.filename().string(), names);
  return {ErrorKind::usage,
          fmt::format("{} does not exist", path.string()),
          {},
          meant ? "did you mean -f " + core::shell_quote((path.parent_path() / *meant).string()) + "?" : ""};
}

Result<std::filesystem::path> find_spec(const std::string& given) {
  const std::filesystem::path path(given);
  std::error_code gone;
  static_cast<void>(std::filesystem::current_path(gone));
  if (gone && !path.is_absolute())
    return core::fail(ErrorKind::usage,
                      fmt::format("the working directory cannot be found ({})", gone.message()), {},
                      "change to one that is there");
  if (!given.empty()) return path;
  for (const char* name : k_spec_names)
    if (std::error_code error; std::filesystem::exists(name, error)) return std::filesystem::path(name);
  return std::unexpected(no_spec());
}

// Nobody may write into a pipe, so the wait for it ends with `stop`.
Result<std::string> read_file(const std::filesystem::path& path, const std::stop_token& stop) {
  const bool from_stdin = path == k_stdin;
  std::error_code unknown;
  const auto kind =
      from_stdin ? std::filesystem::file_type::fifo : std::filesystem::status(path, unknown).type();
  if (kind == std::filesystem::file_type::not_found) return std::unexpected(no_such_file(path));
  if (kind == std::filesystem::file_type::directory)
    return core::fail(ErrorKind::usage, fmt::format("{} is a folder; name the file", path.string()), {},
                      "-f " + core::shell_quote((path / "bgdeploy.yml").lexically_normal().string()));
  const auto unreadable = [&] {
    return core::fail(ErrorKind::usage,
                      fmt::format("{} cannot be read: {}", path.string(), std::strerror(errno)));
  };
  const io::Fd file(from_stdin ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                               : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return unreadable();
  // The loader refuses what is too large; this only bounds the memory. It is not allocated ahead: clearing
  // that much would take longer than all the rest of loading.
  constexpr std::size_t k_most = std::size_t{16} << 20;
  const core::Wait wait{core::SteadyTime::max(), stop};
  std::string text;
  std::array<char, 16384> chunk;
  while (text.size() < k_most) {
    BGDEPLOY_TRY(io::wait_for(file.get(), POLLIN, wait, path.string()));
    const auto count = ::read(file.get(), chunk.data(), chunk.size());
    if (count == 0) break;
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) return unreadable();
    text.append(chunk.data(), static_cast<std::size_t>(count));
  }
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

// Keeps the last event for stdout, and what a report shows of all.
class Keeper final : public report::Sink {
public:
  Keeper(std::unique_ptr<report::Sink> behind, std::shared_ptr<Seen> seen)
      : m_behind(std::move(behind)), m_seen(std::move(seen)) {}
  void emit(report::Event event) override {
    {
      const std::scoped_lock lock(m_mutex);
      const auto now = core::system_clock().wall();
      m_seen->page.add(now, event);
      if (std::holds_alternative<report::Finished>(event)) m_seen->last.emplace(now, event);
    }
    m_behind->emit(std::move(event));
  }

private:
  std::unique_ptr<report::Sink> m_behind;
  std::mutex m_mutex;
  std::shared_ptr<Seen> m_seen;
};

std::unique_ptr<report::Redactor> renderer(const Arguments& arguments,
                                           std::shared_ptr<Seen> seen = std::make_shared<Seen>()) {
  const auto terminal = report::look_at(stderr, arguments.no_color, arguments.quiet, arguments.verbose);
  return std::make_unique<report::Redactor>(
      std::make_unique<Keeper>(report::pick(arguments.progress, terminal, core::system_clock()),
                               std::move(seen)),
      arguments.progress == "json", g_program);
}

}  // namespace

// Systemd, cron and some CI agents set no HOME.
std::optional<std::string> variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (name != "HOME" || (value && *value != '\0'))
    return value ? std::optional<std::string>(value) : std::nullopt;
  const passwd* account = getpwuid(geteuid());
  return account ? std::optional<std::string>(account->pw_dir) : std::nullopt;
}

Result<spec::Source> read_spec(const Arguments& arguments) {
  BGDEPLOY_ASSIGN(const auto path, find_spec(arguments.file));
  BGDEPLOY_ASSIGN(std::string text, read_file(path, arguments.stop));
  return spec::Source{path, std::move(text)};
}

Result<spec::Spec> load_spec(const Arguments& arguments) {
  BGDEPLOY_ASSIGN(const auto source, read_spec(arguments));
  return spec::load(source, arguments.environment, variable);
}

Result<std::unique_ptr<Session>> Session::open(const Arguments& arguments) {
  auto session = std::make_unique<Session>();
  BGDEPLOY_ASSIGN(session->m_spec, load_spec(arguments));
  session->m_sink = renderer(arguments, session->m_seen);
  session->m_context.emplace(deploy::Context{session->m_spec, variable, core::system_clock(),
                                             *session->m_sink, arguments.stop, who_am_i(), arguments.hurry});
  return session;
}

void remember_call(const Arguments& arguments) {
  g_program = {};
  g_no_color = arguments.no_color;
  g_on_github = report::is_for_github(arguments.progress, report::Terminal{});
  g_document_due = arguments.output == "json";
  if (!arguments.file.empty()) g_program.call += " -f " + core::shell_quote(arguments.file);
  if (!arguments.environment.empty()) g_program.call += " -e " + core::shell_quote(arguments.environment);
  for (const Command& command : commands())
    if (is_shown(command) && !command.word) g_program.commands.push_back(command.name);
}

std::string as_typed(std::string text) {
  return g_program.in(std::move(text));
}

std::string Session::last_event() const {
  if (!m_seen->last) return "";
  return report::as_json(m_seen->last->second, m_seen->last->first);
}

bool Session::put_live() const {
  const auto* last = m_seen->last ? std::get_if<report::Finished>(&m_seen->last->second) : nullptr;
  return last != nullptr && last->verdict == report::Verdict::succeeded &&
         last->command != report::Command::abort && last->command != report::Command::rehearse;
}

std::string Session::report() const {
  return m_seen->page.html();
}

std::string error_text(std::string_view heading, const core::Error& untyped) {
  const core::Error error = g_program.in(untyped);
  std::string text = fmt::format("{}: {}\n", heading, core::printable(error.message));
  for (const std::string& detail : error.details)
    for (const std::string& line : core::split_lines(detail))
      text += fmt::format("  {}\n", core::printable(line));
  if (!error.next.empty()) text += fmt::format("  next: {}\n", core::printable(error.next));
  return text;
}

int print_error(const core::Error& error) {
  constexpr std::string_view k_heading = "error";
  const Page page = page_of_stderr(g_no_color);
  const std::string text = fitted(error_text(k_heading, error), page);
  print(painted(page, Color::red, k_heading) + text.substr(k_heading.size()), stderr);
  if (g_on_github) print(report::github_annotations(g_program.in(error)), stderr);
  print_error_document(error);
  return deploy::exit_code(error.kind);
}

void print_error_document(const core::Error& error) {
  if (g_document_due) print_json(report::as_json(g_program.in(error)));
}

void tell(const Arguments& arguments, const report::Event& event) {
  renderer(arguments)->emit(event);
}

bool print(std::string_view text, std::FILE* stream) {
  if (std::fwrite(text.data(), 1, text.size(), stream) == text.size() && std::fflush(stream) == 0)
    return true;
  if (stream == stdout) g_output_error = errno;
  return false;
}

int take_output_error() {
  return g_output_error.exchange(0);
}

int with_output(int code, int error, int unwritten) {
  // A reader that has gone, as `head` does, has what it wanted.
  if (error == 0 || error == EPIPE) return code;
  print(fmt::format("error: stdout cannot be written: {}\n", std::strerror(error)), stderr);
  return code == 0 ? unwritten : code;
}

bool print_json(std::string_view document) {
  g_document_due = false;
  return print(core::printable_json(document) + "\n");
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  Rows cells;
  for (const auto& row : rows) {
    cells.emplace_back();
    for (const std::string& text : row) cells.back().push_back({text});
  }
  return table(cells, Page{});
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
