#include "script.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/proxy/nginx_command.hpp"
#include "docker_command.hpp"
#include "scripts.hpp"

namespace bgdeploy::proxy {
namespace {

using core::ErrorKind;

// An upgrade by a script takes a second or two.
constexpr core::Duration k_upgrade_takes_at_most = std::chrono::seconds(10);

// The state, the first process, the network and the addresses in it; the source and the destination of each
// mount.
constexpr std::string_view k_inspect_format =
    "{{.State.Status}} {{.State.Pid}} {{.HostConfig.NetworkMode}}"
    "{{range .NetworkSettings.Networks}} {{.IPAddress}}{{end}}{{range "
    ".Mounts}}\n{{.Source}}\n{{.Destination}}{{end}}";

// The first word of a line, and the rest.
std::pair<std::string_view, std::string_view> split_word(std::string_view line) {
  const auto blank = line.find(' ');
  if (blank == std::string_view::npos) return {line, {}};
  return {line.substr(0, blank), line.substr(blank + 1)};
}

template <class Number>
Number number_or(std::string_view text, Number otherwise) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : otherwise;
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t at = 0; at + 1 < hex.size(); at += hex[at] == ' ' ? 1 : 2) {
    if (hex[at] == ' ') continue;
    unsigned value = 0;
    std::from_chars(hex.data() + at, hex.data() + at + 2, value, 16);
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

// Words of 32 bits in little-endian order.
std::string kernel_hex(const unsigned char* bytes, std::size_t size) {
  std::string hex;
  for (std::size_t word = 0; word < size; word += 4)
    hex += fmt::format("{:02X}{:02X}{:02X}{:02X}", bytes[word + 3], bytes[word + 2], bytes[word + 1],
                       bytes[word]);
  return hex;
}

void add_patterns(std::string address, int port, std::vector<std::string>& out) {
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET, address.c_str(), bytes.data()) == 1) {
    const auto hex = kernel_hex(bytes.data(), 4);
    out.push_back(fmt::format("{}:{:04X}", hex, port));
    out.push_back(fmt::format("0000000000000000FFFF0000{}:{:04X}", hex, port));
  } else if (inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) {
    out.push_back(fmt::format("{}:{:04X}", kernel_hex(bytes.data(), 16), port));
  } else {
    out.push_back(fmt::format(":{:04X}", port));
  }
}

// With sudo for everything the script already runs as root.
std::string quoted_for(const host::Host& host, host::Tool tool, const std::vector<std::string>& argv) {
  auto words = host.prefix(host::Tool::other).empty() ? host.prefix(tool) : std::vector<std::string>{};
  words.insert(words.end(), argv.begin(), argv.end());
  return core::shell_join(words);
}

core::Error never_started(int exit_code, std::string_view complaint) {
  std::vector<std::string> details;
  for (const auto& line : core::split_lines(complaint)) details.push_back(core::printable(line));
  return {ErrorKind::denied, fmt::format("the proxy's script could not be started (exit code {})", exit_code),
          std::move(details)};
}

// The text between the lines "dump" and "end", of which the last one ends the output of a complete script.
std::optional<std::string_view> dump_of(std::string_view out) {
  constexpr std::string_view k_begin = "\ndump\n", k_end = "\nend\n";
  const auto begin = out.find(k_begin);
  if (begin == std::string_view::npos || !out.ends_with(k_end)) return std::nullopt;
  const auto first = begin + k_begin.size();
  return out.substr(first, std::max(first, out.size() - k_end.size()) - first);
}

// Every line before the dump, by its first word. Returns the dump.
template <class Each>
Result<std::string> read_lines(const host::Output& output, Each each) {
  bool greeted = false;
  std::vector<std::string> details;
  const auto dump = output.ok() ? dump_of(output.out) : std::nullopt;
  const auto lines = std::string_view(output.out).substr(0, output.out.find("\ndump\n"));
  for (const auto& line : core::split_lines(lines)) {
    const auto [word, rest] = split_word(line);
    if (word == "bgdeploy") greeted = true;
    if (word == "detail") details.push_back(core::printable(rest));
    if (word == "failed")
      return core::fail(ErrorKind::refused, core::printable(split_word(rest).second), std::move(details));
    each(word, rest);
  }
  if (!greeted) return std::unexpected(never_started(output.exit_code, output.err));
  if (!dump)
    return core::fail(ErrorKind::refused,
                      fmt::format("looking at nginx ended early (exit code {})", output.exit_code),
                      {core::printable(core::trim(output.err))});
  return std::string(*dump);
}

}  // namespace

Settings settings_for(const host::Host& host, const spec::Spec& spec) {
  const spec::Nginx& nginx = spec.nginx;
  const auto docker = quoted_for(host, host::Tool::docker, docker_command(host, spec));
  const auto quoted = [&](const std::vector<std::string>& argv) {
    if (!nginx.container) return quoted_for(host, host::Tool::nginx, argv);
    return fmt::format("{} exec {} {}", docker, core::shell_quote(*nginx.container), core::shell_join(argv));
  };
  const auto command = nginx_command(nginx);
  // The script finds the same master as `nginx -s reload` where both read the same configuration, and may
  // send it a signal where it is the same user.
  const bool by_signal = !nginx.container && nginx.test == spec::Nginx{}.test &&
                         nginx.reload == spec::Nginx{}.reload &&
                         host.prefix(host::Tool::nginx) == host.prefix(host::Tool::other);
  Settings settings = {{"proc", "/proc"},
                       {"include", nginx.include},
                       {"container", nginx.container.value_or("")},
                       {"slot", ""},
                       {"looks", ""},
                       {"test_command", quoted(nginx.test)},
                       {"dump_command", quoted(command.dump)},
                       {"version_command", quoted(command.version)},
                       {"reload_command", quoted(nginx.reload)},
                       {"by_signal", by_signal ? "1" : "0"},
                       {"globals", command.globals},
                       {"conf", command.conf},
                       {"prefix", command.prefix},
                       {"pid_file", ""},
                       {"upgrade_patience", hundredths(k_upgrade_takes_at_most)}};
  for (std::size_t slot = 0; slot < spec.slots.size(); ++slot) {
    const auto file = [&](const std::string& pattern) {
      return core::substitute(pattern, plan::substitutions(spec, slot, "", "", ""));
    };
    settings[fmt::format("from_{}", slot)] = nginx.sites ? file(nginx.sites->from) : "";
    settings[fmt::format("to_{}", slot)] = nginx.sites ? file(nginx.sites->to) : "";
  }
  if (nginx.container) {
    const auto name = core::shell_quote(*nginx.container);
    settings["inspect_command"] = fmt::format("{} inspect --type container --format {} -- {}", docker,
                                              core::shell_quote(k_inspect_format), name);
    settings["logs_command"] = fmt::format("{} logs {}", docker, name);
  }
  return settings;
}

std::string hundredths(core::Duration duration) {
  return fmt::format("{}", duration.count() / 10);
}

host::Command script_command(const Settings& settings, std::string_view script) {
  std::string text;
  for (const auto& [name, value] : settings) text += fmt::format("{}={}\n", name, core::shell_quote(value));
  text += script;
  return {.argv = {"sh", "-c", std::move(text), "bgdeploy"}, .tool = host::Tool::other, .input = {}};
}

std::string order_to_stage(std::size_t slot, std::string_view pid_file, std::string_view content) {
  std::string order = fmt::format("stage {} {}\n", slot, pid_file);
  for (const char c : content) {
    if (c == '\n')
      order += "\\n";
    else
      (order += c == '\\' ? "\\" : "") += c;
  }
  return order += '\n';
}

std::vector<std::string> socket_patterns(const Routing& backends) {
  std::vector<std::string> patterns;
  for (const auto& backend : backends) {
    const int port = number_or(backend.port, 0);
    if (port == 0) continue;
    if (backend.address == "localhost") {
      add_patterns("127.0.0.1", port, patterns);
      add_patterns("::1", port, patterns);
    } else {
      add_patterns(backend.address, port, patterns);
    }
  }
  return patterns;
}

std::string format_workers(const std::vector<plan::Worker>& workers) {
  std::string text;
  for (const auto& worker : workers)
    text += fmt::format("{}{}:{}", text.empty() ? "" : " ", worker.pid, worker.start);
  return text;
}

std::vector<plan::Worker> parse_workers(std::string_view text) {
  std::vector<plan::Worker> workers;
  while (!text.empty()) {
    const auto [word, rest] = split_word(text);
    text = rest;
    const auto colon = word.find(':');
    if (colon == std::string_view::npos) continue;
    const plan::Worker worker{number_or(word.substr(0, colon), 0),
                              number_or(word.substr(colon + 1), std::uint64_t{0})};
    if (worker.pid > 0) workers.push_back(worker);
  }
  return workers;
}

Result<Observation> parse_observation(const host::Output& output) {
  Observation observed;
  const std::array<Found*, 4> sites = {&observed.sites[0].from, &observed.sites[0].to,
                                       &observed.sites[1].from, &observed.sites[1].to};
  std::size_t site = 0;
  Found* read = nullptr;
  auto dump = read_lines(output, [&](std::string_view word, std::string_view rest) {
    if (word.empty() && read != nullptr) read->content += from_hex(rest);
    if ((word == "=" || word == "-") && read != nullptr)
      (read->content += rest.substr(0, rest.rfind('.'))) += word == "=" ? "\n" : "";
    if (word == "path") observed.file.path = rest;
    if (word == "file") read = &observed.file;
    if (word == "site_path" && site < sites.size()) sites[site]->path = rest;
    if (word == "site" && site < sites.size()) read = sites[site++];
    if (word == "file" || word == "site") read->state = rest;
    if (word == "pid_file") observed.pid_file = rest;
    if (word == "inside") {
      const auto [pid, where] = split_word(rest);
      const auto [network, address] = split_word(where);
      observed.inside = {number_or(pid, 0), std::string(network), std::string(address)};
    }
    if (word == "container") observed.container_state = core::printable(rest);
    if (word == "leftover") observed.unfinished = true;
    if (word == "folder") observed.folder = rest;
    if (word == "master") observed.running = true;
    if (word == "reload_pending") observed.reload_pending = true;
    if (word == "leaving") observed.leaving = parse_workers(rest);
    if (word == "masters") observed.masters = parse_workers(rest);
    if (word == "included") observed.included = rest == "yes";
    if (word == "read_as") observed.read_as = rest;
    if (word == "partial") observed.partial = true;
    if (word == "dump_too_long") observed.dump_too_long = true;
    if (word == "test") observed.test_status = number_or(rest, -1);
    if (word == "detail") observed.test_output.push_back(core::printable(rest));
    if (word == "user") {
      const auto [uid, name] = split_word(rest);
      observed.uid = number_or(uid, -1);
      observed.user = core::printable(name);
    }
  });
  if (!dump) return std::unexpected(std::move(dump.error()));
  observed.dump = std::move(*dump);
  return observed;
}

Result<void> Conversation::tell(std::string_view line) {
  return m_process->write(fmt::format("{}\n", line));
}

Result<Settings> Conversation::answer(std::string_view word, const Wait& wait, std::string_view other) {
  Settings lines;
  std::vector<std::string> details;
  while (true) {
    BGDEPLOY_ASSIGN(const auto line, m_process->read_line(wait));
    if (!line) return std::unexpected(ended(wait));
    const auto [first, rest] = split_word(*line);
    if (first == "bgdeploy") m_greeted = true;
    if (first == "detail") details.push_back(core::printable(rest));
    if (first == "failed") {
      const auto [outcome, message] = split_word(rest);
      return core::fail(outcome == "refused" ? ErrorKind::refused : ErrorKind::inconsistent,
                        core::printable(message), std::move(details));
    }
    if (first == ">")
      (lines[">"] += rest) += '\n';
    else
      lines[std::string(first)] = rest;
    if (first == word || (!other.empty() && first == other)) return lines;
  }
}

core::Error Conversation::ended(const Wait& wait) {
  const auto output = m_process->finish(wait);
  if (!output) return output.error();
  if (!m_greeted) return never_started(output->exit_code, output->err);
  return {ErrorKind::inconsistent,
          fmt::format("the switch ended without an answer (exit code {})", output->exit_code),
          {core::printable(core::trim(output->err))}};
}

Drained drained_from(const Settings& lines) {
  Drained drained;
  if (const auto left = lines.find("left"); left != lines.end()) drained.left = parse_workers(left->second);
  if (const auto count = lines.find("drained"); count != lines.end())
    drained.connections = number_or(count->second, 0);
  drained.still_ours = !lines.contains("changed");
  drained.running = !lines.contains("down");
  drained.complete = drained.left.empty();
  return drained;
}

}  // namespace bgdeploy::proxy
