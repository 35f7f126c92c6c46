#include "look.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/printable.hpp"
#include "fronts.hpp"
#include "site_map.hpp"

namespace bgdeploy::proxy {
namespace {

// With whole sites: the slot whose site is in place or, if both share a path, whose content is there. Nothing
// unless that is exactly one slot.
std::optional<std::size_t> live_site(const Observation& observed, const std::array<Routing, 2>& slots) {
  const auto& [first, second] = observed.sites;
  if (first.to.path != second.to.path) {
    if (first.to.there() && second.to.there()) return std::nullopt;
    return first.to.there() ? 0 : 1;
  }
  const auto same = [&](const Site& site) {
    return site.from.state == "file" && site.from.content == site.to.content;
  };
  if (same(first) != same(second)) return same(first) ? 0 : 1;
  return read_back_addresses(first.to.content, slots);
}

// The only slot for which `test` holds.
template <class Test>
std::optional<std::size_t> only_slot(Test test) {
  const bool first = test(0);
  if (first == test(1)) return std::nullopt;
  return first ? 0 : 1;
}

// The slot of a text that was written for another template or address: by the slot's own port or container,
// or by the members of an upstream that the text names.
std::optional<std::size_t> live_otherwise(const Subject& subject, const Observation& observed) {
  const std::string& text = observed.file.content;
  const auto& slots = subject.spec.slots;
  if (const auto slot = only_slot([&](auto i) { return names_port(text, std::to_string(slots[i].port)); }))
    return slot;
  if (const auto slot = only_slot([&](auto i) { return names_port(text, slots[i].container); })) return slot;
  const auto config = NginxConfig::from_dump(observed.dump);
  const SiteMap map = map_sites(config, {});
  std::array<bool, 2> named{};
  for (const Directive& directive : parse_directives(text))
    for (const std::string& word : directive.args)
      if (const auto members = map.upstreams.find(authority_of(word)); members != map.upstreams.end())
        for (const Definition& member : members->second)
          for (std::size_t slot = 0; slot < named.size(); ++slot)
            named[slot] =
                named[slot] || authority_of(member.text).ends_with(fmt::format(":{}", slots[slot].port));
  return only_slot([&](auto i) { return named[i]; });
}

std::string with_name_of(const std::string& path, const std::string& name) {
  return path.substr(0, path.rfind('/') + 1) + name.substr(name.rfind('/') + 1);
}

SiteQuestion question_for(const Subject& subject, std::size_t slot) {
  return {.proxy = subject.proxy,
          .include = subject.spec.nginx.include,
          .slot = slot,
          .slots = subject.slots,
          .names = {subject.spec.slots[0].name, subject.spec.slots[1].name},
          .own_address = subject.address};
}

void add(std::vector<std::string>& names, const std::string& name) {
  if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
}

// All names under which nginx may read the include. In a container the host's name is none of them.
std::vector<std::string> include_names(const Subject& subject, const Observation& observed) {
  std::vector<std::string> names;
  add(names, subject.spec.nginx.include);
  add(names, observed.read_as);
  if (!subject.spec.nginx.container) add(names, observed.file.path);
  return names;
}

// With the new content in place of the current one.
SiteAnswer with_include(const Subject& subject, NginxConfig config, SiteQuestion question,
                        const std::vector<std::string>& names, const std::string& content) {
  question.ours = names;
  bool read = false;
  for (const std::string& name : names)
    if (config.has(name)) {
      config.overlay(name, content);
      read = true;
    }
  if (!read) config.overlay(subject.spec.nginx.include, content);
  return examine(config, question);
}

SiteAnswer with_site(const Observation& observed, NginxConfig config, SiteQuestion question,
                     std::optional<std::size_t> live) {
  const std::size_t slot = question.slot;
  const Site& own = observed.sites[slot];
  const std::string& other = observed.sites[1 - slot].to.path;
  // In a container the folder is known only from a file that nginx reads there.
  const auto name = [&](const std::string& path) {
    return observed.read_as.empty() ? path : with_name_of(observed.read_as, path);
  };
  question.whole_site = true;
  question.include = own.to.path;
  question.ours = {name(own.to.path)};
  if (other != own.to.path) config.remove(name(other));
  // The site that serves stays as it is; of the other slot it is the copy that counts.
  if (live != slot || !config.has(question.ours.front()))
    config.overlay(question.ours.front(), own.from.content);
  return examine(config, question);
}

}  // namespace

std::optional<plan::Traffic> traffic_of(const Subject& subject, const Observation& observed) {
  const auto all_to = [](std::optional<std::size_t> slot) {
    return slot ? std::optional(plan::Traffic::all_to(*slot)) : std::nullopt;
  };
  if (subject.spec.nginx.sites) return all_to(live_site(observed, subject.slots));
  const auto traffic = read_back(subject.spec.nginx, observed.file.content, subject.slots);
  return traffic ? traffic : all_to(live_otherwise(subject, observed));
}

bool is_outdated(const Subject& subject, const Observation& observed, std::size_t slot) {
  if (!subject.spec.nginx.sites)
    return !is_rendered(subject.spec.nginx, observed.file.content, subject.slots[slot]);
  const Site& site = observed.sites[slot];
  return site.from.state == "file" && site.to.state == "file" &&
         !same_directives(site.from.content, site.to.content);
}

bool complains_of_own_file(const Subject& subject, const Observation& observed) {
  auto names = include_names(subject, observed);
  add(names, observed.file.path);
  return std::ranges::any_of(observed.test_output, [&](const std::string& line) {
    return std::ranges::any_of(names, [&](const std::string& name) {
      return line.find(fmt::format(" in {}:", name)) != std::string::npos;
    });
  });
}

std::optional<SiteAnswer> look_at_sites(const Subject& subject, const Observation& observed,
                                        std::optional<std::size_t> live) {
  const auto config = NginxConfig::from_dump(observed.dump);
  if (config.empty()) return std::nullopt;
  const spec::Nginx& nginx = subject.spec.nginx;
  SiteQuestion question = question_for(subject, live.value_or(0));
  question.partial = observed.partial;
  if (!nginx.sites) {
    const auto content = render(nginx, subject.slots[question.slot]);
    if (!content) return std::nullopt;  // reported where it is rendered
    return with_include(subject, config, question, include_names(subject, observed), *content);
  }
  SiteAnswer answer = with_site(observed, config, question, live);
  answer.problem.reset();
  // Both slots' sites as they would be copied, since a rollback copies the other one.
  for (const std::size_t slot : {question.slot, 1 - question.slot}) {
    question.slot = slot;
    if (!answer.problem && observed.sites[slot].from.state == "file")
      answer.problem = with_site(observed, config, question, std::nullopt).problem;
  }
  return answer;
}

std::optional<core::Error> harm_to_others(const Subject& subject, const Observation& observed,
                                          const std::vector<std::string>& files, const std::string& text) {
  const auto before = NginxConfig::from_dump(observed.dump);
  if (before.empty()) return std::nullopt;
  const auto there = std::ranges::find_if(files, [&](const auto& file) { return before.has(file); });
  if (const auto sites = look_at_sites(subject, observed, std::nullopt); sites && there == files.end())
    for (const Place& user : sites->users)
      if (std::ranges::find(files, user.file) == files.end())
        return core::Error{core::ErrorKind::refused,
                           fmt::format("{} uses {} already: a second site could take its requests",
                                       core::printable(to_string(user)), subject.spec.nginx.include),
                           {},
                           "leave it at that site: `bgdeploy check` tells whether a deploy may come"};
  auto after = before;
  after.overlay(there == files.end() ? files.front() : *there, text);
  return taken_from_others(map_sites(before, {}), map_sites(after, {}), files);
}

SiteFound site_found(const Subject& subject, const Observation& observed,
                     const std::vector<SitePart>& parts) {
  // As for a check, which does not look into it either.
  if (observed.dump_too_long) return {.used = observed.included};
  const auto traffic = observed.file.state == "file" ? traffic_of(subject, observed) : std::nullopt;
  const auto live = traffic ? traffic->live() : std::nullopt;
  const auto sites = look_at_sites(subject, observed, live);
  SiteFound found;
  if (sites) found.problem = sites->problem;
  found.used = sites && (!sites->users.empty() || (!sites->unsure && !sites->problem));
  if (found.used) return found;
  if (!sites || sites->unsure) {
    found.problem = core::Error{
        core::ErrorKind::refused, fmt::format("what nginx on {} reads is not known", subject.proxy),
        observed.test_output, "let a login do it that may become root there, or mend what nginx -T says"};
    return found;
  }
  if (parts.empty() || subject.spec.nginx.sites) return found;
  const SitePart& site = parts.back();
  if (auto harm = harm_to_others(subject, observed, {site.path}, site.text)) {
    found.problem = std::move(*harm).within(subject.proxy);
    return found;
  }
  // Whether it would be the one that a deploy needs.
  Observation then = observed;
  then.dump += fmt::format("\n# configuration file {}:\n{}\n", site.path, site.text);
  if (const auto with_ours = look_at_sites(subject, then, live)) found.problem = with_ours->problem;
  return found;
}

std::optional<core::Error> problem_after_switch(const Subject& subject, std::string_view dump,
                                                std::size_t slot, const Observation& observed) {
  const auto config = NginxConfig::from_dump(dump);
  if (config.empty()) return std::nullopt;
  const SiteQuestion question = question_for(subject, slot);
  if (subject.spec.nginx.sites) return with_site(observed, config, question, std::nullopt).problem;
  const auto content = render(subject.spec.nginx, subject.slots[slot]);
  if (!content) return std::nullopt;
  return with_include(subject, config, question, include_names(subject, observed), *content).problem;
}

}  // namespace bgdeploy::proxy
