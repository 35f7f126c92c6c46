#include "script_nginx.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "bgdeploy/core/json.hpp"
#include "script_words.hpp"
#include "shell_functions.hpp"

namespace bgdeploy::init {
namespace {

using Words = std::vector<std::string>;
using Pair = std::array<std::string, 2>;

bool is_option(const std::string& word) {
  return word.starts_with('-');
}

struct Written {
  std::string file;
  bool redirected = false;
};

// "tee FILE", "sed -i … FILE", "echo … > FILE".
std::optional<Written> written_by(const Words& words) {
  const std::size_t first = first_word(words);
  const std::string tool = first == words.size() ? "" : base_of(words[first]);
  if (tool == "tee") {
    const auto file =
        std::find_if_not(words.begin() + static_cast<std::ptrdiff_t>(first) + 1, words.end(), is_option);
    return file == words.end() ? std::nullopt : std::optional(Written{*file});
  }
  const auto in_place = [](const std::string& word) {
    return word.starts_with("-i") || word.starts_with("--in-place");
  };
  if (tool == "sed" && std::ranges::any_of(words, in_place)) return Written{words.back()};
  for (std::size_t i = first; i < words.size(); ++i) {
    if (!words[i].starts_with('>')) continue;
    const std::string file = words[i].substr(std::min(words[i].find_first_not_of(">|"), words[i].size()));
    if (!file.empty()) return Written{file, true};
    if (i + 1 < words.size()) return Written{words[i + 1], true};
  }
  return std::nullopt;
}

// What "<<EOF" brings, as far as it was read as commands; else what the command itself says, and the one that
// `tee` reads.
std::vector<Words> content_of(const std::vector<Words>& commands, std::size_t at) {
  constexpr std::size_t k_most_lines = 200;
  std::vector<Words> content{commands[at]};
  if (at > 0 && base_of(commands[at][first_word(commands[at])]) == "tee") content.push_back(commands[at - 1]);
  std::string end;
  for (const Words& words : content)
    for (const std::string& word : words)
      if (word.starts_with("<<")) end = word.substr(std::min(word.find_first_not_of("<-"), word.size()));
  for (std::size_t i = at + 1; !end.empty() && i < std::min(commands.size(), at + k_most_lines); ++i) {
    if (commands[i].size() == 1 && commands[i][0] == end) break;
    content.push_back(commands[i]);
  }
  return content;
}

// "shop" of "upstream shop {".
std::string upstream_in(std::span<const Words> content) {
  for (const Words& words : content)
    for (std::size_t i = 0; i + 1 < words.size(); ++i)
      if (words[i] == "upstream") return words[i + 1].substr(0, words[i + 1].find('{'));
  return {};
}

bool holds(std::span<const Words> content, std::string_view part) {
  return std::ranges::any_of(
      content, [&](const Words& words) { return fmt::format("{}", fmt::join(words, " ")).contains(part); });
}

// More than where requests go: bgdeploy writes no such file.
bool is_whole(const std::string& file, std::span<const Words> content) {
  return base_of(file) == "nginx.conf" || file.contains("/sites-") || holds(content, "server {") ||
         holds(content, "server{") || holds(content, "location ");
}

}  // namespace

void ScriptNginx::look_at(const std::vector<Words>& commands, std::size_t at, const std::string& source,
                          const std::string& folder) {
  const Words& words = commands[at];
  const std::size_t first = first_word(words);
  if (first == words.size()) return;
  const std::string tool = base_of(words[first]);
  const bool link = tool == "ln";
  if ((tool == "cp" || link) && words.size() > first + 2) {
    const std::string& from = words[words.size() - 2];
    if (words.back().starts_with("/etc/nginx") && (link || from.ends_with(".conf")))
      copy(from, words.back(), source, folder);
  }
  if (const auto file = written_by(words))
    write(file->file, file->redirected, content_of(commands, at), source);
}

void ScriptNginx::copy(const std::string& from, const std::string& to, const std::string& source,
                       const std::string& folder) {
  const bool whole = from.starts_with('/') || from.starts_with('~');
  m_copies.push_back({whole || folder.empty() ? from : folder + "/" + from,
                      to.ends_with('/') ? to + base_of(from) : to, source});
}

void ScriptNginx::write(const std::string& to, bool redirected, std::span<const Words> content,
                        const std::string& source) {
  const std::string file = tidy(m_variables.resolve(to, 0));
  if (!file.starts_with('/')) return;
  const bool ours = file.contains("nginx") || holds(content, "service_url") || holds(content, "proxy_pass") ||
                    !upstream_in(content).empty();
  if (is_whole(file, content) && (ours || !redirected)) {
    const std::pair whole(file, source);
    if (std::ranges::find(m_whole, whole) == m_whole.end()) m_whole.push_back(whole);
    return;
  }
  // What else a script redirects, is no business of nginx's.
  if (!file.ends_with(".inc") && !file.ends_with(".conf")) return;
  if (!m_include.empty() || (redirected && !ours)) return;
  m_include = file;
  m_upstream = upstream_in(content);
  m_include_from = source;
}

void ScriptNginx::exec(std::span<const std::string> words, const std::string& source) {
  while (!words.empty() && is_option(words[0])) words = words.subspan(1);
  if (words.size() < 2 || base_of(words[1]) != "nginx") return;
  m_container = m_variables.resolve(words[0], 0);
  m_container_from = source;
}

// Two files that are copied, one for each slot.
bool ScriptNginx::tell_sites(Draft& draft) const {
  std::vector<std::string> from, to;
  for (const Copy& one : m_copies) {
    if (std::ranges::find(from, one.from) == from.end()) from.push_back(one.from);
    if (std::ranges::find(to, one.to) == to.end()) to.push_back(one.to);
  }
  if (from.size() != 2 || to.size() != 2) return false;
  Pair names, ports;
  std::size_t count = 0;
  for (const Finding& one : draft.findings()) {
    if (one.path.size() != 2 || one.path[0] != "slots" || count == 2) continue;
    names[count] = one.path[1];
    ports[count++] = core::dump_json(one.value.is_object() ? core::member(one.value, "port") : one.value);
  }
  std::ranges::sort(from);
  std::ranges::sort(to);
  const auto both_from = by_slot({from[0], from[1]}, names, ports);
  const auto both_to = by_slot({to[0], to[1]}, names, ports);
  if (!both_from || !both_to) return false;
  draft.say({"proxy", "nginx", "sites"}, Json{{"from", *both_from}, {"to", *both_to}},
            "whole files, as the script copied them");
  return true;
}

void ScriptNginx::tell_include(Draft& draft, std::span<const DockerRun> beside) const {
  if (m_include.empty()) return;
  std::optional<std::string> inside;  // the path as nginx's container has it
  for (const DockerRun& run : beside) {
    if (m_container.empty() || m_variables.resolve(run.name, 0) != m_container) continue;
    for (const std::string& volume : run.volumes) {
      const std::string mount = tidy(m_variables.resolve(volume, 0));
      const std::size_t colon = mount.find(':');
      if (inside || colon == std::string::npos || !m_include.starts_with(mount.substr(0, colon))) continue;
      std::string target = mount.substr(colon + 1);
      target = target.substr(0, target.find(':'));
      inside = tidy(target + "/" + m_include.substr(colon));
    }
  }
  if (inside)
    draft.say({"proxy", "nginx", "include"}, *inside, "as nginx sees it, in its container");
  else if (!m_container.empty())
    draft.guess({"proxy", "nginx", "include"}, "/etc/nginx/conf.d/" + base_of(m_include),
                fmt::format("{} on the host; this is the path as nginx sees it", m_include));
  else
    draft.say({"proxy", "nginx", "include"}, m_include, "from " + m_include_from);
  if (!m_upstream.empty()) draft.say({"proxy", "nginx", "upstream"}, m_upstream, "which it holds");
}

void ScriptNginx::tell(Draft& draft, std::span<const Run> runs, std::span<const DockerRun> beside) const {
  for (const auto& [file, source] : m_whole)
    draft.note(
        fmt::format("{}, which {} writes: more than where requests go. Let it include the file of "
                    "`proxy.nginx.include` instead",
                    file, source));
  if (draft.has({"proxy"}) || tell_sites(draft)) return;
  for (const Copy& one : m_copies)
    draft.note(
        fmt::format("{}, which {} replaces by {}: let it include the file of `proxy.nginx.include` "
                    "instead",
                    one.to, one.source, one.from));
  if (!m_container.empty()) {
    draft.say({"proxy", "nginx", "container"}, m_container, "from " + m_container_from);
    if (std::ranges::any_of(runs, [](const Run& run) { return !run.networks.empty(); }))
      draft.say({"proxy", "nginx", "address"}, "{container}", "nginx is on the same network");
  }
  tell_include(draft, beside);
}

}  // namespace bgdeploy::init
