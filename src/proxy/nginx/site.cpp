#include "site.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "bgdeploy/core/nearest.hpp"
#include "bgdeploy/core/printable.hpp"
#include "fronts.hpp"

namespace bgdeploy::proxy {
namespace {

using core::ErrorKind;

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "localhost" || address == "::1" || address == "[::1]";
}

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string printed(const Place& place) {
  return core::printable(to_string(place));
}

// A pass to one of the slots that does not go through what is switched.
struct Stray {
  const Server* server;
  Place place;
  std::string to;  // "127.0.0.1:8082"
  std::size_t slot;
  bool conditional;
};

class Examiner {
public:
  Examiner(const NginxConfig& config, const SiteQuestion& question)
      : m_config(config), m_question(question), m_map(map_sites(config, question.ours)) {
    for (const Server& server : m_map.servers) look_at(server);
  }

  SiteAnswer answer() {
    SiteAnswer answer;
    answer.unsure = m_map.exhausted || (m_question.partial && m_map.incomplete);
    if (!answer.unsure) answer.problem = problem();
    std::vector<std::size_t> fronts;
    for (std::size_t i = 0; i < m_map.servers.size(); ++i)
      if (m_users.contains(&m_map.servers[i])) fronts.push_back(i);
    for (std::size_t i = 0; i < m_map.servers.size(); ++i)
      if (m_users.empty() && is_ours(m_map.servers[i])) fronts.push_back(i);
    for (const Server& server : m_map.servers)
      if (!server.includes_ours.empty())
        answer.users.push_back(server.includes_ours.front());
      else if (m_users.contains(&server))
        answer.users.push_back(server.place);
    answer.fronts = fronts_of(m_map, fronts);
    if (!answer.unsure) answer.notes = ignored_names(m_map, fronts);
    for (const Stray& stray : m_strays) judge(stray, answer);
    // Most likely this is what the spec should name.
    if (answer.problem) answer.claims.clear();
    return answer;
  }

private:
  bool is_ours(const Server& server) const { return server.ours || !server.includes_ours.empty(); }

  void look_at(const Server& server) {
    for (const Pass& pass : server.passes)
      for (const Target& target : targets_of(m_map, server, pass)) {
        const std::string authority = authority_of(target.text);
        const auto slot = slot_of(authority);
        if (m_question.whole_site && server.ours) {
          if (is_own(authority)) m_users.insert(&server);
        } else if (target.ours) {
          m_users.insert(&server);
          continue;
        }
        if (!slot || target.spare || (m_question.whole_site && server.ours && is_own(authority))) continue;
        const Stray stray{&server, target.place, authority, *slot, target.conditional};
        const auto same = [&](const Stray& other) {
          return other.place == stray.place && other.server == &server && other.slot == stray.slot;
        };
        if (std::ranges::none_of(m_strays, same)) m_strays.push_back(stray);
      }
  }

  // The slot that has "host:port" as a backend.
  std::optional<std::size_t> slot_of(const std::string& authority) const {
    std::string host = authority;
    std::string port = "80";
    if (const auto colon = authority.rfind(':');
        colon != std::string::npos && authority.find(']', colon) == std::string::npos) {
      host = authority.substr(0, colon);
      port = authority.substr(colon + 1);
    }
    for (std::size_t slot = 0; slot < m_question.slots.size(); ++slot)
      for (const plan::Backend& backend : m_question.slots[slot])
        if (backend.port == port && same_address(backend.address, host)) return slot;
    return std::nullopt;
  }

  // The user's own site may name hosts freely; the port tells the slots apart.
  bool is_own(const std::string& authority) const {
    if (const auto slot = slot_of(authority)) return slot == m_question.slot;
    return std::ranges::any_of(m_question.slots[m_question.slot], [&](const plan::Backend& backend) {
      return authority.ends_with(":" + backend.port);
    });
  }

  bool same_address(const std::string& backend, const std::string& written) const {
    if (written == backend || written == "[" + backend + "]") return true;
    return is_loopback(backend) &&
           (is_loopback(written) || (!m_question.own_address.empty() && written == m_question.own_address));
  }

  std::string sends(const Stray& stray) const {
    return fmt::format("{} sends to {}, slot {}", printed(stray.place), core::printable(stray.to),
                       m_question.names[stray.slot]);
  }

  // A site that uses what is switched must not do this: see problem().
  void judge(const Stray& stray, SiteAnswer& answer) const {
    const bool uses = m_users.contains(stray.server) || is_ours(*stray.server);
    if (uses && !stray.conditional) return;
    // A site that sends to both slots expects that one may be stopped; a site that sends to one does not.
    if (!uses && !stray.conditional && !looks_at_both_slots()) {
      answer.claims.push_back({stray.slot, to_string(stray.place)});
      return;
    }
    answer.notes.push_back(fmt::format("{}, whatever {} says: that fails while {} is stopped", sends(stray),
                                       m_question.include, m_question.names[stray.slot]));
  }

  bool looks_at_both_slots() const {
    const auto sends_to = [&](std::size_t slot) {
      return std::ranges::any_of(m_strays, [&](const Stray& stray) {
        return stray.slot == slot && !m_users.contains(stray.server) && !is_ours(*stray.server);
      });
    };
    return sends_to(0) && sends_to(1);
  }

  std::optional<core::Error> problem() const {
    if (m_map.includes_ours.empty()) return not_included();
    if (m_users.empty() && !m_map.misplaced.empty()) return misplaced(m_map.misplaced.front());
    if (m_users.empty() && !scripted()) return unused();
    for (const Stray& stray : m_strays)
      if ((m_users.contains(stray.server) || is_ours(*stray.server)) && !stray.conditional)
        return mixed(stray);
    return std::nullopt;
  }

  // Whether a script may use what nothing else uses.
  bool scripted() const {
    const Defined names = defined();
    const auto may_use = [&](const std::string& script) {
      return script.empty() || std::ranges::any_of(names.variables, [&](const std::string& name) {
               return script.find(name) != std::string::npos;
             });
    };
    return m_map.scripted || std::ranges::any_of(m_map.servers, [&](const Server& server) {
             return (is_ours(server) || !names.upstreams.empty()) &&
                    std::ranges::any_of(server.scripts, may_use);
           });
  }

  static core::Error refused(std::string message, std::string next = {}) {
    return {ErrorKind::refused, std::move(message), {}, std::move(next)};
  }

  core::Error not_included() const {
    const std::string& include = m_question.include;
    const std::string nothing = fmt::format("no nginx file on {} includes {}", m_question.proxy, include);
    if (const auto meant = nearest_include())
      return refused(
          fmt::format("{}; nginx includes {}: did you mean that?", nothing, core::printable(*meant)),
          fmt::format("set proxy.nginx.include: {}", core::printable(*meant)));
    for (const Stray& stray : m_strays)
      if (stray.place.file != stray.server->place.file)
        return refused(fmt::format("{}; {}: did you mean that file?", nothing, sends(stray)),
                       fmt::format("set proxy.nginx.include: {}", core::printable(stray.place.file)));
    if (!written().upstreams.empty() || m_question.whole_site)
      return refused(nothing, m_config.empty()
                                  ? ""
                                  : fmt::format("put \"include {};\" into the http block of {}",
                                                word(include), core::printable(m_config.main())));
    const Server* server = candidate();
    if (server == nullptr)
      return refused(nothing,
                     m_map.servers.empty()
                         ? fmt::format("put \"include {};\" into the server block of a site", word(include))
                         : fmt::format("put \"include {};\" into the server block of the site (there: {})",
                                       word(include), server_places()));
    return refused(nothing, fmt::format("put \"include {};\" into the server block of {}{}", word(include),
                                        printed(server->place), pass_to_write(*server)));
  }

  // A path that was mistyped, here or there.
  std::optional<std::string> nearest_include() const {
    std::vector<std::string> others;
    for (const std::string& pattern : m_map.other_includes)
      if (pattern.find_first_of("*?[") == std::string::npos && pattern != m_question.include)
        others.push_back(pattern);
    const auto same_name = std::ranges::find_if(
        others, [&](const std::string& other) { return file_name(other) == file_name(m_question.include); });
    if (same_name != others.end()) return *same_name;
    std::vector<std::string> names;
    for (const std::string& other : others) names.push_back(file_name(other));
    const auto near = core::nearest(file_name(m_question.include), names);
    if (!near) return std::nullopt;
    return others[static_cast<std::size_t>(std::ranges::find(names, *near) - names.begin())];
  }

  // The site that should include it: one that sends to a slot, else the only one that passes requests on,
  // else the only one.
  const Server* candidate() const {
    if (!m_strays.empty()) return m_strays.front().server;
    const auto only = [&](auto fits) -> const Server* {
      const Server* found = nullptr;
      for (const Server& server : m_map.servers) {
        if (!fits(server)) continue;
        if (found != nullptr) return nullptr;
        found = &server;
      }
      return found;
    };
    if (const Server* passing = only([](const Server& server) { return !server.passes.empty(); }))
      return passing;
    return only([](const Server&) { return true; });
  }

  // What else that site then needs.
  std::string pass_to_write(const Server& server) const {
    const auto [variables, upstreams] = written();
    if (server.passes.empty() || variables.empty()) return {};
    const Pass& pass = server.passes.front();
    if (pass.target.find("$" + *variables.begin()) != std::string::npos) return {};
    return fmt::format(", and \"{} ${};\" in the place of \"{} {};\" ({})", pass.name, *variables.begin(),
                       pass.name, core::printable(pass.target), printed(pass.place));
  }

  std::string server_places() const {
    std::vector<std::string> places;
    for (const Server& server : m_map.servers) places.push_back(printed(server.place));
    constexpr std::size_t k_most = 4;
    if (places.size() > k_most) places.resize(k_most);
    return fmt::format("{}", fmt::join(places, ", "));
  }

  core::Error misplaced(const Misplaced& found) const {
    if (found.directive == "set")
      return refused(
          fmt::format("{} includes {} outside of a server block, where nginx takes no `set`: this include "
                      "belongs in a server block",
                      printed(found.included_at), m_question.include),
          "move that line into the server block, or at http level use proxy.nginx.upstream");
    return refused(
        fmt::format("{} includes {} inside of a server block, where nginx takes no `upstream`: this include "
                    "belongs in the http block",
                    printed(found.included_at), m_question.include),
        fmt::format("move that line out of the server block, into the http block of {}",
                    core::printable(m_config.main())));
  }

  struct Defined {
    std::set<std::string> variables, upstreams;
  };
  Defined defined() const {
    Defined found;
    const auto ours = [](const Definition& definition) { return definition.ours; };
    for (const auto& [name, members] : m_map.upstreams)
      if (std::ranges::any_of(members, ours)) found.upstreams.insert(name);
    for (const auto& [name, values] : m_map.maps)
      if (std::ranges::any_of(values, ours)) found.variables.insert(name);
    for (const Server& server : m_map.servers)
      for (const auto& [name, set] : server.sets)
        if (set.ours) found.variables.insert(name);
    return found;
  }

  // By what a deploy writes, whether nginx reads it or not.
  Defined written() const {
    Defined found;
    for (const std::string& name : m_question.ours) {
      if (!m_config.has(name)) continue;
      for (const Directive& directive : m_config.file(name)) {
        if (directive.args.empty()) continue;
        if (directive.name == "upstream") found.upstreams.insert(directive.args.front());
        if (directive.name == "set" && directive.args.front().starts_with('$'))
          found.variables.insert(directive.args.front().substr(1));
      }
    }
    return found;
  }

  // The conflict, and what to write instead.
  core::Error unused() const {
    const Place at = m_map.includes_ours.front();
    const auto [variables, upstreams] = defined();
    if (m_question.whole_site)
      return refused(fmt::format("{} on {} has no server block that sends to {}, slot {}", m_question.include,
                                 m_question.proxy, backends(m_question.slot),
                                 m_question.names[m_question.slot]));
    if (variables.empty() && upstreams.empty())
      return refused(fmt::format("{} includes {}, which tells nginx nothing that a site could use",
                                 printed(at), m_question.include),
                     "mend proxy.nginx.template: it has to set a variable, or name an upstream");
    const std::string name = !variables.empty() ? "$" + *variables.begin() : *upstreams.begin();
    std::string message = fmt::format("{} includes {}, but nothing uses {}", printed(at), m_question.include,
                                      core::printable(name));
    std::string directive = "proxy_pass", where;
    if (const Stray* stray = nearest_stray()) {
      message += "; " + sends(*stray);
      if (!stray->server->passes.empty()) directive = stray->server->passes.front().name;
      where = printed(stray->place);
    } else if (const Pass* pass = nearest_pass()) {
      message +=
          fmt::format("; {} has {} {}", printed(pass->place), pass->name, core::printable(pass->target));
      directive = pass->name;
      where = printed(pass->place);
    }
    const bool plain = directive == "proxy_pass" && variables.empty();
    return refused(message,
                   fmt::format("write{}: {} {}{};", where.empty() ? "" : fmt::format(" in {}", where),
                               directive, plain ? "http://" : "", core::printable(name)));
  }

  const Stray* nearest_stray() const {
    const auto near =
        std::ranges::find_if(m_strays, [&](const Stray& stray) { return is_ours(*stray.server); });
    if (near != m_strays.end()) return &*near;
    return m_strays.empty() ? nullptr : &m_strays.front();
  }
  const Pass* nearest_pass() const {
    for (const bool ours : {true, false})
      for (const Server& server : m_map.servers)
        if (!server.passes.empty() && is_ours(server) == ours) return &server.passes.front();
    return nullptr;
  }

  std::string backends(std::size_t slot) const {
    std::vector<std::string> words;
    for (const plan::Backend& backend : m_question.slots[slot])
      words.push_back(fmt::format("{}:{}", backend.address, backend.port));
    return fmt::format("{}", fmt::join(words, ", "));
  }

  core::Error mixed(const Stray& stray) const {
    const auto [variables, upstreams] = defined();
    const std::string name = !variables.empty()   ? "$" + *variables.begin()
                             : !upstreams.empty() ? "http://" + *upstreams.begin()
                                                  : "what the include says";
    return refused(fmt::format("{}, whatever {} says: requests to it fail once that slot stops", sends(stray),
                               m_question.include),
                   m_question.whole_site ? "send to the site's own slot alone"
                                         : fmt::format("send to {} there too", core::printable(name)));
  }

  const NginxConfig& m_config;
  const SiteQuestion& m_question;
  SiteMap m_map;
  std::set<const Server*> m_users;
  std::vector<Stray> m_strays;
};

}  // namespace

SiteAnswer examine(const NginxConfig& config, const SiteQuestion& question) {
  return Examiner(config, question).answer();
}

}  // namespace bgdeploy::proxy
