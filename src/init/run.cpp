// From what containers run with to the spec.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/spec/document.hpp"
#include "bgdeploy/spec/short_syntax.hpp"

namespace bgdeploy::init {
namespace {

using Pair = std::array<std::string, 2>;

bool is_name(std::string_view text) {
  return !text.empty() && (core::is_digit(text[0]) || (text[0] >= 'a' && text[0] <= 'z')) &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string_view::npos;
}

// Where a tag or digest begins behind the last '/', outside of ${…} and $(…).
std::size_t tag_begin(std::string_view image) {
  std::size_t found = image.size();
  int depth = 0;
  for (std::size_t i = 0; i < image.size(); ++i) {
    if (image[i] == '{' || image[i] == '(') ++depth;
    if (image[i] == '}' || image[i] == ')') --depth;
    if (depth > 0) continue;
    if (image[i] == '/') found = image.size();
    if ((image[i] == ':' || image[i] == '@') && found == image.size()) found = i;
  }
  return found;
}

bool is_alnum(char c) {
  return core::is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Whole words alone.
std::string replaced(std::string text, std::string_view from, std::string_view to) {
  if (from.empty()) return text;
  for (std::size_t at = text.find(from); at != std::string::npos;) {
    const std::size_t end = at + from.size();
    const bool word = (at == 0 || !is_alnum(text[at - 1])) && (end == text.size() || !is_alnum(text[end]));
    if (word) text.replace(at, from.size(), to);
    at = text.find(from, word ? at + to.size() : at + 1);
  }
  return text;
}

// The slots of runs that are sorted by port.
struct Slots {
  Pair names{"blue", "green"}, ports, containers;
  std::array<std::string, 2> because{};
};

// The other one of a pair that people use.
std::string other_word(std::string_view word) {
  for (const auto& [one, other] : {std::pair("blue", "green"), std::pair("a", "b"), std::pair("1", "2"),
                                   std::pair("set1", "set2"), std::pair("slot1", "slot2")}) {
    if (word == one) return other;
    if (word == other) return one;
  }
  return "other";
}

// As a deploy recorded them, else the first of a usual pair: what its slots are called tells no order else.
bool is_second(const Run& run) {
  const bool recorded = run.ports.size() == 2 && run.host_port != 0;
  return recorded ? run.host_port == run.ports[1] : run.slot > other_word(run.slot);
}

Slots slots_of(const std::vector<Run>& runs, const std::set<int>& taken) {
  Slots slots;
  slots.because[0] = runs[0].because;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    slots.containers[i] = runs[i].name;
    if (runs[i].host_port != 0) slots.ports[i] = std::to_string(runs[i].host_port);
  }
  if (runs.size() == 2) {
    slots.names = differing_words(runs[0].name, runs[1].name);
    if (!runs[0].slot.empty() && !runs[1].slot.empty()) slots.names = {runs[0].slot, runs[1].slot};
    return slots;
  }
  if (!runs[0].slot.empty()) slots.names = {runs[0].slot, other_word(runs[0].slot)};
  // "shop-green" is what the other slot's container would be called.
  const std::string last = runs[0].name.substr(runs[0].name.find_last_of("-_") + 1);
  if (runs[0].slot.empty() && (last == "green" || last == "blue")) slots.names = {last, other_word(last)};
  // The port that it has; where clients may come in by it, another one.
  const int port = runs[0].host_port;
  const bool is_nginx = port == 80 || port == 443;
  if (port != 0 && !is_nginx && port < 65535) {
    auto [other, because] = free_port(port + 1, taken);
    if (runs[0].ports.size() == 2) {
      other = runs[0].ports[is_second(runs[0]) ? 0 : 1];
      because.clear();
    }
    slots.ports = {std::to_string(port), std::to_string(other)};
    slots.because[1] = because;
  } else {
    const int first = free_port(8081, taken).first;
    slots.ports = {std::to_string(first), std::to_string(free_port(first + 1, taken).first)};
    slots.because[0] = is_nginx ? fmt::format("{} is nginx's own from now on; any free port does", port)
                                : "any free port of the host does";
    slots.because[1] = slots.because[0];
  }
  return slots;
}

// Of a slot whose port nobody could read; `other`: that of the other one.
int free_beside(const std::string& other, const std::set<int>& taken) {
  const int port = core::parse_port(other).value_or(0);
  return free_port(port == 0 || port == 65535 ? 8081 : port + 1, taken).first;
}

void tell_slots(Draft& draft, const Slots& slots, const std::string& source, const std::set<int>& taken,
                std::array<std::size_t, 2> order) {
  if (draft.has({"slots"})) return;
  const std::string service = draft.text({"service"});
  Pair ports = slots.ports;
  for (const std::size_t i : order) {
    if (ports[i].empty()) ports[i] = std::to_string(free_beside(ports[1 - i], taken));
    const Json port = core::parse_port(ports[i]).value_or(8081);
    const std::string& container = slots.containers[i];
    const bool own = !container.empty() && container != service + "-" + slots.names[i];
    const Json value = own ? Json{{"port", port}, {"container", container}} : port;
    if (slots.ports[i].empty())
      draft.guess({"slots", slots.names[i]}, value,
                  "any free port of the host does; nothing tells which one " + source + " takes");
    else if (slots.because[i].empty())
      draft.say({"slots", slots.names[i]}, value,
                i == order[0] ? "the port on the host, from " + source : "");
    else
      draft.guess({"slots", slots.names[i]}, value, slots.because[i]);
  }
}

// Whether the app listens on its slot's port, as it is told by a variable.
bool follows_port(const std::vector<Run>& runs) {
  for (const Run& run : runs)
    if (run.container_port == 0 || run.container_port != run.host_port) return false;
  if (runs.size() == 2) return true;
  const std::string port = std::to_string(runs[0].host_port);
  return std::ranges::any_of(runs[0].environment, [&](const Setting& one) { return one.value == port; });
}

// "${NAME}"; a plain dollar is "$$".
bool has_reference(std::string_view text) {
  for (std::size_t at = text.find('$'); at < text.size(); at = text.find('$', at + 2))
    if (text.substr(at).starts_with("${")) return true;
  return false;
}

void tell_environment(Draft& draft, const std::vector<Run>& runs, const Slots& slots) {
  for (const Setting& setting : runs[0].environment) {
    const std::string& name = setting.name;
    if (draft.has({"secrets", name}) || draft.has({"docker", "environment", name})) continue;
    if (!setting.value || is_secret(name, *setting.value)) {
      draft.say({"secrets", name}, Json{{"env", setting.variable.empty() ? name : setting.variable}},
                "from the environment of whoever runs bgdeploy; its value was not copied");
      continue;
    }
    std::string value = *setting.value;
    note_placeholders(draft, name, value, runs[0].source);
    if (runs.size() == 2) {
      const auto other = std::ranges::find(runs[1].environment, name, &Setting::name);
      const bool there = other != runs[1].environment.end() && other->value;
      const auto both = by_slot({value, there ? *other->value : value}, slots.names, slots.ports);
      if (!both && !runs[1].stopped)
        draft.note(
            fmt::format("{} differs between the slots in {} and {}", name, runs[0].source, runs[1].source));
      value = both.value_or(value);
    } else if (value == slots.ports[0] && follows_port(runs)) {
      value = "{port}";
    }
    if (has_reference(value))
      draft.guess({"docker", "environment", name}, value, "the variable is set where bgdeploy runs");
    else
      draft.say({"docker", "environment", name}, value);
  }
}

// The other slot's at the same place in the container, else at the same place of the list.
const std::string* partner_of(const std::vector<std::string>& volumes, std::size_t at, const Run& other) {
  const auto found = std::ranges::find(other.volumes, spec::volume_target(volumes[at]),
                                       [](const std::string& one) { return spec::volume_target(one); });
  if (found != other.volumes.end()) return &*found;
  return volumes.size() == other.volumes.size() ? &other.volumes[at] : nullptr;
}

std::string volume_of_both(Draft& draft, const std::vector<Run>& runs, std::size_t at, const Slots& slots) {
  const std::string& volume = runs[0].volumes[at];
  if (runs.size() < 2) return volume;
  const std::string* other = partner_of(runs[0].volumes, at, runs[1]);
  const auto both = by_slot({volume, other == nullptr ? "" : *other}, slots.names, slots.ports);
  if (!both && !runs[1].stopped)
    draft.note(fmt::format("the volume {} of {}: the other slot has not the same", volume, runs[0].source));
  return both.value_or(volume);
}

// Where whoever runs a script or compose is: what is here may be another place than on the host.
bool is_of_script(std::string_view volume) {
  return volume.starts_with('.') || volume.starts_with('~') || volume.contains("$(") ||
         volume.starts_with("${HOME:") || volume.starts_with("${PWD:");
}

void tell_volumes(Draft& draft, const std::vector<Run>& runs, const Slots& slots) {
  Json volumes = Json::array();
  for (std::size_t i = 0; i < runs[0].volumes.size(); ++i) {
    const std::string& volume = runs[0].volumes[i];
    if (is_of_script(volume)) {
      draft.note(fmt::format("the volume {} of {}: `docker.volumes` needs its absolute path on the host",
                             volume, runs[0].source));
      continue;
    }
    note_placeholders(draft, "the volume " + volume, volume, runs[0].source);
    volumes.push_back(volume_of_both(draft, runs, i, slots));
  }
  if (runs.size() == 2 && !runs[1].stopped)
    for (std::size_t i = 0; i < runs[1].volumes.size(); ++i)
      if (partner_of(runs[1].volumes, i, runs[0]) == nullptr)
        draft.note(fmt::format("the volume {} of {}: the other slot has not the same", runs[1].volumes[i],
                               runs[1].source));
  const bool varies = std::ranges::any_of(
      volumes, [](const Json& one) { return has_reference(one.get_ref<const std::string&>()); });
  if (varies)
    draft.guess({"docker", "volumes"}, volumes, "the variables are set where bgdeploy runs");
  else if (!volumes.empty())
    draft.say({"docker", "volumes"}, volumes);
}

// What a command line and a log driver are given stands there in clear.
void tell_setting(Draft& draft, const std::string& key, const Json& value) {
  if (key == "command" || key == "entrypoint" || key == "logging")
    tell_masked(draft, {"docker", key}, value);
  else
    draft.say({"docker", key}, value);
}

void tell_docker(Draft& draft, const std::vector<Run>& runs, const Slots& slots) {
  const Run& run = runs[0];
  if (follows_port(runs))
    draft.say({"docker", "container_port"}, "{port}", "where the app listens");
  else if (run.container_port != 0)
    draft.say({"docker", "container_port"}, run.container_port, "where the app listens, from " + run.source);
  std::vector<std::string> networks;
  for (const std::string& network : run.networks)
    if (network == "bridge" || network == "default")
      continue;
    else if (is_network_mode(network))
      draft.note(
          fmt::format("the network `{}` of {}: each slot publishes a port of its own", network, run.source));
    else
      networks.push_back(network);
  if (!networks.empty()) draft.say({"docker", "networks"}, networks);
  if (!run.env_files.empty())
    draft.say({"docker", "env_file"}, run.env_files,
              "read here, where bgdeploy runs; its values are secrets");
  tell_environment(draft, runs, slots);
  tell_volumes(draft, runs, slots);
  for (const auto& [key, value] : run.settings.items()) tell_setting(draft, key, value);
  for (const Run& one : runs)
    if (!one.stopped)
      for (const std::string& note : one.left_out) draft.note(note);
}

}  // namespace

std::string repository_of(std::string_view image) {
  return std::string(image.substr(0, tag_begin(image)));
}

std::string tag_variable_of(std::string_view image) {
  std::string_view tag = image.substr(tag_begin(image));
  if (!tag.starts_with(":$")) return {};
  tag.remove_prefix(2);
  if (tag.starts_with('{')) tag.remove_prefix(1);
  return std::string(tag.substr(
      0, tag.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")));
}

bool is_beside(std::string_view image) {
  static constexpr std::string_view k_names[] = {
      "nginx",      "mysql",    "mariadb",     "postgres",  "postgresql", "redis",         "valkey",
      "mongo",      "mongodb",  "rabbitmq",    "kafka",     "zookeeper",  "memcached",     "traefik",
      "caddy",      "haproxy",  "registry",    "minio",     "adminer",    "elasticsearch", "opensearch",
      "prometheus", "grafana",  "certbot",     "mailhog",   "portainer",  "jenkins",       "localstack",
      "postgis",    "influxdb", "kamal-proxy", "watchtower"};
  const std::string repository = repository_of(image);
  const std::string_view last = std::string_view(repository).substr(repository.rfind('/') + 1);
  return std::ranges::find(k_names, last) != std::end(k_names);
}

bool is_network_mode(std::string_view network) {
  return network == "host" || network == "none" || network.starts_with("container:");
}

std::string in_spec(std::string_view text, const Variables& known) {
  constexpr std::string_view k_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
  constexpr std::size_t k_longest = std::size_t{16} << 10;  // beyond it references stay references
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$') {
      out += text[i];
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '$') {  // a plain dollar, in both
      out += "$$";
      ++i;
      continue;
    }
    const bool braces = i + 1 < text.size() && text[i + 1] == '{';
    const std::size_t begin = i + (braces ? 2 : 1);
    const std::size_t end = std::min(text.find_first_not_of(k_letters, begin), text.size());
    const std::size_t close = braces ? text.find('}', end) : end;
    if (end == begin || close == std::string_view::npos || core::is_digit(text[begin])) {
      out += braces ? "$${" : "$";
      if (braces) ++i;
      continue;
    }
    const std::string_view name = text.substr(begin, end - begin);
    const auto found = known.find(name);
    const bool set = found != known.end() && !found->second.empty();
    // Behind the name: ":-default", ":?message", ":+text where it is set"; also without the colon.
    std::string_view rest = text.substr(end, close - end);
    if (rest.starts_with(':')) rest.remove_prefix(1);
    const char kind = rest.empty() ? '-' : rest[0];
    rest.remove_prefix(std::min<std::size_t>(1, rest.size()));
    if (kind == '+')
      out += set ? in_spec(rest, known) : std::string();
    else if (set && out.size() + found->second.size() <= k_longest)
      out += spec::without_substitutions(found->second);
    else if (kind == '?')
      out += fmt::format("${{{}:?{}}}", name, rest.empty() ? "has to be set" : rest);
    else
      out += fmt::format("${{{}:-{}}}", name, kind == '-' ? rest : std::string_view());
    i = braces ? close : end - 1;
  }
  return out;
}

std::optional<std::string> by_slot(const Pair& texts, const Pair& names, const Pair& ports) {
  if (texts[0] == texts[1]) return texts[0];
  // The longer one first: a slot called "8081" is its port.
  const auto with_ports = [&](std::size_t i) { return replaced(texts[i], ports[i], "{port}"); };
  if (with_ports(0) == with_ports(1)) return with_ports(0);
  const auto with_names = [&](std::size_t i) { return replaced(with_ports(i), names[i], "{slot}"); };
  if (with_names(0) == with_names(1)) return with_names(0);
  const auto names_alone = [&](std::size_t i) { return replaced(texts[i], names[i], "{slot}"); };
  if (names_alone(0) == names_alone(1)) return names_alone(0);
  return std::nullopt;
}

std::array<std::string, 2> words_that_differ(const std::string& one, const std::string& other) {
  constexpr std::string_view k_between = "-_./ ";
  const std::size_t shorter = std::min(one.size(), other.size());
  std::size_t begin = 0, end = 0;  // what both have at the front and at the back
  while (begin < shorter && one[begin] == other[begin]) ++begin;
  while (end < shorter - begin && one[one.size() - 1 - end] == other[other.size() - 1 - end]) ++end;
  while (begin > 0 && k_between.find(one[begin - 1]) == std::string_view::npos) --begin;
  while (end > 0 && k_between.find(one[one.size() - end]) == std::string_view::npos) --end;
  return {one.substr(begin, one.size() - end - begin), other.substr(begin, other.size() - end - begin)};
}

std::array<std::string, 2> differing_words(const std::string& one, const std::string& other) {
  const Pair usual{"blue", "green"};
  Pair words = words_that_differ(one, other);
  for (std::string& word : words) word = core::to_lower(word);
  const auto is_number = [](const std::string& word) { return core::parse_number<int>(word).has_value(); };
  if (words[0] == words[1] || !is_name(words[0]) || !is_name(words[1]) || is_number(words[0])) return usual;
  return words;
}

bool names_slots(const std::string& one, const std::string& other) {
  const Pair words = differing_words(one, other);
  return one != other && words[0] == other_word(words[1]) && words[1] == other_word(words[0]) &&
         by_slot({core::to_lower(one), core::to_lower(other)}, words, {});
}

void note_placeholders(Draft& draft, std::string_view what, std::string_view text,
                       const std::string& source) {
  std::vector<std::string_view> found;
  for (const char* word :
       {"{slot}", "{port}", "{container}", "{container_port}", "{host}", "{address}", "{tag}", "{service}"})
    if (text.contains(word)) found.emplace_back(word);
  if (!found.empty())
    draft.note(fmt::format("{} of {} contains {}, which bgdeploy replaces; there is no escape for it", what,
                           source, fmt::join(found, " and ")));
}

std::pair<int, std::string> free_port(int from, const std::set<int>& taken) {
  int port = from;
  while (port < 65535 && taken.contains(port)) ++port;
  return {port, port == from ? "the next port; any free one of the host does"
                             : fmt::format("{} is taken there; any free port of the host does", from)};
}

void tell_runs(Draft& draft, std::vector<Run> runs, bool with_docker, const std::set<int>& taken) {
  if (runs.empty()) return;
  std::ranges::stable_sort(runs, {}, [](const Run& run) {
    return std::tuple(!run.slot.empty() && is_second(run), run.host_port, std::string_view(run.name));
  });
  if (runs.size() > 2) runs.resize(2);
  if (!runs[0].image.empty() && !draft.has({"image"})) {
    const std::string repository = repository_of(runs[0].image);
    if (runs.size() == 2 && repository_of(runs[1].image) != repository)
      draft.guess({"image"}, repository,
                  fmt::format("the other slot ran {}; one repository serves both from now on",
                              repository_of(runs[1].image)));
    else
      draft.say({"image"}, repository, "from " + runs[0].source);
  }
  if (const std::string image = draft.text({"image"}); !draft.has({"service"}) && !image.empty()) {
    const std::string last = core::to_lower(image.substr(image.rfind('/') + 1));
    if (is_name(last)) draft.guess({"service"}, last, "the image's name");
  }
  Slots slots = slots_of(runs, taken);
  const bool behind = runs.size() == 1 && !runs[0].slot.empty() && is_second(runs[0]);
  tell_slots(draft, slots, runs[0].source, taken,
             behind ? std::array<std::size_t, 2>{1, 0} : std::array<std::size_t, 2>{0, 1});
  if (runs[0].stopped) {  // what runs says what the next release runs with
    std::swap(runs[0], runs[1]);
    for (Pair* pair : {&slots.names, &slots.ports, &slots.containers}) std::swap((*pair)[0], (*pair)[1]);
  }
  if (with_docker) tell_docker(draft, runs, slots);
}

}  // namespace bgdeploy::init
