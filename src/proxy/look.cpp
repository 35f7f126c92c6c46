#include "look.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/text.hpp"
#include "site_map.hpp"

namespace bgdeploy::proxy {
namespace {

// What is told of whole sites: the slot whose site is there, or, where both have one path, whose site has its
// content. Nothing when that is not one of them.
std::optional<std::size_t> live_site(const Probe& probe, const std::array<Routing, 2>& slots) {
  const auto& [first, second] = probe.sites;
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

// What was written for another template, or to another address: by the slot's own port or container, or by a
// group of nginx's that it names.
std::optional<std::size_t> live_otherwise(const Subject& subject, const Probe& probe) {
  const std::string& text = probe.file.content;
  const auto& slots = subject.spec.slots;
  if (const auto slot = only_slot([&](auto i) { return names_port(text, std::to_string(slots[i].port)); }))
    return slot;
  if (const auto slot = only_slot([&](auto i) { return names_port(text, slots[i].container); })) return slot;
  const auto config = NginxConfig::from_dump(probe.dump);
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

// The include by every name that nginx may read it under. Within a container the host's own is none of them.
std::vector<std::string> include_names(const Subject& subject, const Probe& probe) {
  std::vector<std::string> names;
  add(names, subject.spec.nginx.include);
  add(names, probe.read_as);
  if (!subject.spec.nginx.container) add(names, probe.file.path);
  return names;
}

// With what is to be written in the place of what is there.
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

SiteAnswer with_site(const Probe& probe, NginxConfig config, SiteQuestion question,
                     std::optional<std::size_t> live) {
  const std::size_t slot = question.slot;
  const Site& own = probe.sites[slot];
  const std::string& other = probe.sites[1 - slot].to.path;
  // The folder of a container is known by the file that nginx reads there.
  const auto name = [&](const std::string& path) {
    return probe.read_as.empty() ? path : with_name_of(probe.read_as, path);
  };
  question.whole_site = true;
  question.include = own.to.path;
  question.ours = {name(own.to.path)};
  if (other != own.to.path) config.remove(name(other));
  // What serves is as it is; the other slot's is what would be copied.
  if (live != slot || !config.has(question.ours.front()))
    config.overlay(question.ours.front(), own.from.content);
  return examine(config, question);
}

}  // namespace

std::optional<std::size_t> live_slot(const Subject& subject, const Probe& probe) {
  if (subject.spec.nginx.sites) return live_site(probe, subject.slots);
  const auto live = read_back(subject.spec.nginx, probe.file.content, subject.slots);
  return live ? live : live_otherwise(subject, probe);
}

bool is_outdated(const Subject& subject, const Probe& probe, std::size_t slot) {
  if (!subject.spec.nginx.sites)
    return !is_rendered(subject.spec.nginx, probe.file.content, subject.slots[slot]);
  const Site& site = probe.sites[slot];
  return site.from.state == "file" && site.to.state == "file" &&
         !same_directives(site.from.content, site.to.content);
}

bool complains_of_own_file(const Subject& subject, const Probe& probe) {
  auto names = include_names(subject, probe);
  add(names, probe.file.path);
  return std::ranges::any_of(probe.test_output, [&](const std::string& line) {
    return std::ranges::any_of(names, [&](const std::string& name) {
      return line.find(fmt::format(" in {}:", name)) != std::string::npos;
    });
  });
}

std::optional<SiteAnswer> look_at_sites(const Subject& subject, const Probe& probe,
                                        std::optional<std::size_t> live) {
  const auto config = NginxConfig::from_dump(probe.dump);
  if (config.empty()) return std::nullopt;
  const spec::Nginx& nginx = subject.spec.nginx;
  SiteQuestion question = question_for(subject, live.value_or(0));
  question.partial = probe.partial;
  if (!nginx.sites) {
    const auto content = render(nginx, subject.slots[question.slot]);
    if (!content) return std::nullopt;  // said where it is rendered
    return with_include(subject, config, question, include_names(subject, probe), *content);
  }
  SiteAnswer answer = with_site(probe, config, question, live);
  answer.problem.reset();
  // Both slots', as they would be copied: there is a way back.
  for (const std::size_t slot : {question.slot, 1 - question.slot}) {
    question.slot = slot;
    if (!answer.problem && probe.sites[slot].from.state == "file")
      answer.problem = with_site(probe, config, question, std::nullopt).problem;
  }
  return answer;
}

std::optional<core::Error> problem_after_switch(const Subject& subject, std::string_view dump,
                                                std::size_t slot, const Probe& probe) {
  const auto config = NginxConfig::from_dump(dump);
  if (config.empty()) return std::nullopt;
  const SiteQuestion question = question_for(subject, slot);
  if (subject.spec.nginx.sites) return with_site(probe, config, question, std::nullopt).problem;
  const auto content = render(subject.spec.nginx, subject.slots[slot]);
  if (!content) return std::nullopt;
  return with_include(subject, config, question, include_names(subject, probe), *content).problem;
}

}  // namespace bgdeploy::proxy
