#include "script_nginx.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/number.hpp"
#include "proxy.hpp"
#include "script_include.hpp"
#include "script_words.hpp"
#include "shell.hpp"
#include "shell_functions.hpp"

namespace bgdeploy::init {
namespace {

using Words = std::vector<std::string>;
using Pair = std::array<std::string, 2>;
namespace fs = std::filesystem;

bool is_option(const std::string& word) {
  return word.starts_with('-');
}

bool is_append(const std::string& word) {
  return word.starts_with(">>") || word == "-a" || word == "--append";
}

// "tee FILE", "sed -i … FILE", "echo … > FILE".
std::optional<ScriptNginx::Written> written_by(const Words& words) {
  const std::size_t first = first_word(words);
  const std::string tool = first == words.size() ? "" : base_of(words[first]);
  const bool appends = std::ranges::any_of(words, is_append);
  if (is_written(words) && words.size() > 1) return ScriptNginx::Written{words[1], true, appends};
  if (tool == "tee") {
    const auto file =
        std::find_if_not(words.begin() + static_cast<std::ptrdiff_t>(first) + 1, words.end(), is_option);
    return file == words.end() ? std::nullopt : std::optional(ScriptNginx::Written{*file, false, appends});
  }
  const auto in_place = [](const std::string& word) {
    return word.starts_with("-i") || word.starts_with("--in-place");
  };
  if (tool == "sed" && std::ranges::any_of(words, in_place)) return ScriptNginx::Written{words.back()};
  return std::nullopt;
}

// What the command says whose output is written, and what "<<EOF" brings, as far as it was read as commands.
std::vector<Words> content_of(const std::vector<Words>& commands, std::size_t at) {
  constexpr std::size_t k_most_lines = 200, k_most_redirections = 4;
  std::size_t begin = at, end = at + 1;
  if (at > 0 && (is_redirection(commands[at]) || base_of(commands[at][first_word(commands[at])]) == "tee"))
    --begin;
  while (begin > 0 && begin < at && begin + k_most_redirections > at && is_redirection(commands[begin]))
    --begin;
  while (end < std::min(commands.size(), at + k_most_redirections) && is_redirection(commands[end])) ++end;
  const auto command = [&](std::size_t i) { return commands.begin() + static_cast<std::ptrdiff_t>(i); };
  std::vector<Words> content(command(begin), command(end));
  const auto document = std::ranges::find(content, k_document, [](const Words& words) { return words[0]; });
  if (document == content.end()) return content;
  const std::string last = document->back();
  for (std::size_t i = end; i < std::min(commands.size(), at + k_most_lines); ++i) {
    if (commands[i].size() == 1 && commands[i][0] == last) break;
    content.push_back(commands[i]);
  }
  return content;
}

bool holds(std::span<const Words> content, std::string_view part) {
  return std::ranges::any_of(
      content, [&](const Words& words) { return fmt::format("{}", fmt::join(words, " ")).contains(part); });
}

bool is_include(const std::string& file) {
  return file.ends_with(".inc") || file.ends_with(".conf");
}

// More than where requests go: bgdeploy writes no such file.
bool is_whole(const std::string& file, std::span<const Words> content) {
  return base_of(file) == "nginx.conf" || file.contains("/sites-") || holds(content, "server {") ||
         holds(content, "server{") || holds(content, "location ");
}

// "/etc/nginx/inc/a.inc" of "/srv/inc/a.inc", where "/srv/inc:/etc/nginx/inc:ro" is mounted.
std::optional<std::string> path_inside(const std::string& volume, const std::string& file) {
  const std::size_t colon = volume.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const fs::path below = fs::path(file).lexically_normal().lexically_relative(
      (fs::path(volume.substr(0, colon)) / "").lexically_normal());
  if (below.empty() || *below.begin() == "..") return std::nullopt;
  std::string target = volume.substr(colon + 1);
  target = target.substr(0, target.find(':'));
  return (below == "." ? fs::path(target) : fs::path(target) / below).lexically_normal().string();
}

// Names and ports of the slots.
std::pair<Pair, Pair> slots_told(const Draft& draft) {
  Pair names, ports;
  std::size_t count = 0;
  for (const Finding& one : draft.findings()) {
    if (one.path.size() != 2 || one.path[0] != "slots" || count == 2) continue;
    names[count] = one.path[1];
    ports[count++] = core::dump_json(one.value.is_object() ? core::member(one.value, "port") : one.value);
  }
  return {names, ports};
}

}  // namespace

void ScriptNginx::look_at(const std::vector<Words>& commands, std::size_t at, const std::string& source,
                          const std::string& folder) {
  const Words& words = commands[at];
  const std::size_t first = first_word(words);
  if (first == words.size()) return;
  const std::string tool = base_of(words[first]);
  const bool link = tool == "ln";
  if ((tool == "cp" || tool == "mv" || link) && words.size() > first + 2) {
    const std::string& from = words[words.size() - 2];
    if (put_there(from, words.back())) return;
    if (words.back().starts_with("/etc/nginx") && (link || from.ends_with(".conf")))
      copy(from, words.back(), source, folder);
  }
  if (const auto file = written_by(words)) write(*file, content_of(commands, at), source);
}

// What was written beside goes to its place.
bool ScriptNginx::put_there(const std::string& from, const std::string& to) {
  const std::string place = tidy(m_variables.resolve(to, 0));
  if (m_include.empty() || tidy(m_variables.resolve(from, 0)) != m_include || !place.starts_with('/'))
    return false;
  m_include = place.ends_with('/') ? place + base_of(m_include) : place;
  return true;
}

void ScriptNginx::copy(const std::string& from, const std::string& to, const std::string& source,
                       const std::string& folder) {
  const bool whole = from.starts_with('/') || from.starts_with('~');
  m_copies.push_back({whole || folder.empty() ? from : folder + "/" + from,
                      to.ends_with('/') ? to + base_of(from) : to, source});
}

// "\$name" is nginx's own.
std::vector<Words> ScriptNginx::resolved(std::span<const Words> content, std::size_t branch) const {
  constexpr std::string_view k_own = "\uE000";
  const auto replace_all = [](std::string& text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  };
  std::vector<Words> all(content.begin(), content.end());
  for (Words& words : all)
    for (std::string& word : words) {
      replace_all(word, "\\$", k_own);
      word = m_variables.resolve(word, branch);
      replace_all(word, k_own, "$");
    }
  return all;
}

// The file that is known already: more of it, or what the other slot's branch writes.
void ScriptNginx::write_again(bool appends, const Pair& texts) {
  if (appends) {
    for (std::size_t i : {0U, 1U}) m_texts[i] += texts[i];
    m_included = included_in(m_texts[0]);
    m_other_address = included_in(m_texts[1]).address;
  } else if (const auto other = included_in(texts[1]); m_other_address == m_included.address) {
    m_other_address = other.address;
  }
}

void ScriptNginx::write(const Written& to, std::span<const Words> content, const std::string& source) {
  constexpr int k_most = 100;  // of a script that people write
  if (m_writes > k_most) return;
  const auto& [name, redirected, appends] = to;
  const std::string file = tidy(m_variables.resolve(name, 0));
  const bool whole = is_whole(file, content);
  if (!whole && !is_include(file)) return;
  ++m_writes;
  const Pair texts{text_written_by(resolved(content, 0)), text_written_by(resolved(content, 1))};
  if (!m_include.empty() && file == m_include) return write_again(appends, texts);
  const Included included = included_in(texts[0]);
  const bool ours = file.contains("nginx") || holds(content, "service_url") || holds(content, "proxy_pass") ||
                    !included.upstream.empty();
  const bool seen = !included.text.empty() || !included.upstream.empty();
  if (!file.starts_with('/') && (whole || !seen)) return;
  const bool unseen = !whole && !seen && file.ends_with(".conf");
  if (unseen && !ours) return;
  if (unseen || (whole && (ours || !redirected))) {
    const Whole one{file, source, whole};
    if (std::ranges::find(m_whole, one) == m_whole.end()) m_whole.push_back(one);
    return;
  }
  // What else a script redirects, is no business of nginx's.
  if (whole || !m_include.empty() || (redirected && !ours)) return;
  m_include = file;
  m_included = included;
  m_texts = texts;
  m_other_address = included_in(texts[1]).address;
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
  const auto& [names, ports] = slots_told(draft);
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
  const std::string container = draft.text({"proxy", "nginx", "container"});
  std::optional<std::string> inside;  // the path as nginx's container has it
  for (const std::string& volume : draft.mounts()) inside = inside ? inside : path_inside(volume, m_include);
  for (const DockerRun& run : beside) {
    if (m_container.empty() || m_variables.resolve(run.name, 0) != m_container) continue;
    for (const std::string& volume : run.volumes)
      inside = inside ? inside : path_inside(m_variables.resolve(volume, 0), m_include);
  }
  if (inside)
    draft.say({"proxy", "nginx", "include"}, *inside, "as nginx sees it, in its container");
  else if (!container.empty())
    draft.guess({"proxy", "nginx", "include"}, "/etc/nginx/conf.d/" + base_of(m_include),
                fmt::format("{} on the host; this is the path as nginx sees it", m_include));
  else if (m_include.starts_with('/'))
    draft.say({"proxy", "nginx", "include"}, m_include, "from " + m_include_from);
  else
    draft.fill_in({"proxy", "nginx", "include"}, "/etc/nginx/conf.d/" + base_of(m_include),
                  fmt::format("{} writes {}; this has to be its whole path, as nginx sees it", m_include_from,
                              m_include));
  tell_target(draft);
}

// What the file holds, and where nginx finds the slots, if that is not where they publish their ports.
void ScriptNginx::tell_target(Draft& draft) const {
  const auto& [text, variable, upstream, address, port] = m_included;
  const bool plain = std::ranges::count(text, '\n') == 3 && text.contains("{{port}};");
  if (!upstream.empty() && (plain || text.empty()))
    draft.say({"proxy", "nginx", "upstream"}, upstream, "which it holds");
  else if (!text.empty())
    tell_text(draft, {.variable = variable, .upstream = upstream}, text);
  const auto& [names, ports] = slots_told(draft);
  Pair addresses{address, m_other_address};
  if (addresses[0].contains('$') || addresses[0].find_first_not_of("0123456789.") == std::string::npos ||
      addresses[0] == "localhost" || !draft.has({"compose"}))
    return;
  auto both = by_slot(addresses, names, ports);
  if (!both || (*both == addresses[0] && addresses[0] != addresses[1])) {
    std::swap(addresses[0], addresses[1]);
    both = by_slot(addresses, names, ports);
  }
  if (!both) return;
  draft.say({"proxy", "nginx", "address"}, *both, "as " + m_include_from + " has it");
  if (const auto number = core::parse_port(port)) draft.say({"proxy", "nginx", "port"}, *number);
}

void ScriptNginx::tell(Draft& draft, std::span<const Run> runs, std::span<const DockerRun> beside) const {
  for (const auto& [file, source, seen] : m_whole)
    draft.note(fmt::format(
        "{}, which {} writes: {}. Let it include the file of `proxy.nginx.include` instead", file, source,
        seen ? "more than where requests go" : "what it holds was not seen, and may be a whole site"));
  if (draft.has({"proxy", "nginx", "include"}) || tell_sites(draft)) return;
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
  if (!m_container.empty() && !draft.has({"proxy", "nginx", "address"}))
    draft.note(fmt::format(
        "`proxy.nginx.address`: how nginx in {} reaches the slots, unless it has the host's network",
        m_container));
}

}  // namespace bgdeploy::init
