#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/core/nearest.hpp"
#include "bgdeploy/spec/short_syntax.hpp"
#include "types.hpp"

namespace bgdeploy::spec {
namespace {

constexpr std::size_t k_longest_socket = 108;     // sockaddr_un, with its NUL
constexpr std::int64_t k_least_memory = 6 << 20;  // the engine refuses less
constexpr double k_least_cpus = 0.01;             // likewise
constexpr std::int64_t k_most_limit = std::numeric_limits<std::int64_t>::max();

bool is_port_or_placeholder(std::string_view text) {
  return to_port(text) || text == "{port}";
}
bool is_host_ip(std::string_view text) {
  return text == "none" || is_ip_address(text);
}
bool is_network_name(std::string_view text) {
  return !text.empty() && k_alnum.find(text[0]) != std::string_view::npos && all_of(text, k_word_characters);
}
Shape limit_form() {
  return whole_form(-1);
}
bool is_restart(std::string_view text) {
  constexpr std::string_view k_limited = "on-failure:";
  if (text.starts_with(k_limited)) {
    const auto times = to_integer(text.substr(k_limited.size()));
    return times && *times >= 0 && *times <= 1'000'000;
  }
  return text == "no" || text == "always" || text == "unless-stopped" || text == "on-failure";
}

void read_networks(const Value& value, Docker& docker) {
  if (!value.present()) return;
  for (const auto& item : value.items())
    if (auto text = item.matching(is_network_name, "the name of a network"))
      docker.networks.push_back(std::move(*text));
}

// A list of "name:address" or "name=address", or a map of names to one address or a list of them.
void read_extra_hosts(const Value& value, Docker& docker) {
  if (!value.present()) return;
  auto& out = docker.extra_hosts;
  const auto wrong = [](const Value& place, std::string_view text, std::string_view form) {
    place.error(fmt::format("must be {}, not {}", form, in_quotes(text)));
  };
  if (!value.is(Node::Kind::map)) {
    for (const auto& item : value.items()) {
      const auto text = item.text();
      if (!text) continue;
      if (auto hosts = extra_hosts_of(*text))
        out.insert(out.end(), hosts->begin(), hosts->end());
      else
        wrong(item, *text, "NAME:ADDRESS or NAME:host-gateway");
    }
    return;
  }
  for (const auto& [name, addresses] : value.entries()) {
    for (const auto& address : addresses.is(Node::Kind::list) ? addresses.items() : std::vector{addresses}) {
      const auto text = address.text();
      if (!text) continue;
      if (auto host = extra_host_of(name, *text))
        out.push_back(std::move(*host));
      else if (extra_host_of("name", *text))
        addresses.error_at_key("is not a name for a host");
      else
        wrong(address, *text, "an IP address or host-gateway");
    }
  }
}

void read_variables(const Value& value, Docker& docker) {
  set(docker.environment, value.text_map(&docker.inherited));
  std::vector<std::string> names = docker.inherited;
  for (const auto& [name, text] : docker.environment) names.push_back(name);
  for (const auto& name : names) {
    if (is_environment_name(name)) continue;
    const Value entry = value.get(name);
    (entry.present() ? entry : value)
        .error_at_key(
            entry.present()
                ? "is not a name for an environment variable"
                : fmt::format("names {}, which is not a name for an environment variable", in_quotes(name)));
  }
}

void read_labels(const Value& value, Docker& docker) {
  auto& out = docker.labels;
  std::vector<std::string> empty;
  set(out, value.text_map(&empty));
  for (const auto& name : empty) out.emplace(name, "");
  for (const auto& [name, text] : out) {
    const Value entry = value.get(name);
    const Value& place = entry.present() ? entry : value;
    if (name.empty() || has_control_character(name)) place.error_at_key("is not a name for a label");
    if (name.starts_with("bgdeploy."))
      place.error_at_key("begins with 'bgdeploy.', which bgdeploy keeps for itself");
  }
}

const Table<Logging>& logging_keys() {
  static const Table<Logging> k_table("docker.logging",
                                      {key("driver", &Logging::driver, filled(), "The log driver."),
                                       key("options", &Logging::options, text_map(), "Its options.")});
  return k_table;
}

void read_logging(const Value& value, Docker& docker) {
  if (!value.present()) return;
  docker.logging.reset();
  if (value.is_map()) read_fields(logging_keys(), value, docker.logging.emplace());
}

const Section& limit_keys() {
  static const Section k_section{
      "docker.ulimits.*",
      {{.name = "soft", .doc = "The soft limit; -1: none.", .shape = limit_form(), .required = true},
       {.name = "hard", .doc = "The hard limit; -1: none.", .shape = limit_form(), .required = true}}};
  return k_section;
}

void read_ulimits(const Value& value, Docker& docker) {
  for (const auto& [name, limit] : value.entries()) {
    if (!is_ulimit(name))
      limit.error_at_key("is not a limit that docker knows; such are nofile, nproc and memlock");
    const bool both = !limit.is(Node::Kind::map);
    const auto soft = (both ? limit : limit.need("soft")).integer(-1, k_most_limit);
    const auto hard = both ? soft : limit.need("hard").integer(-1, k_most_limit);
    if (!soft || !hard) continue;
    if (*hard != -1 && (*soft == -1 || *soft > *hard))
      limit.error("must not have a soft limit above the hard one");
    docker.ulimits.push_back({name, *soft, *hard});
  }
}

void read_files(const Value& value, Docker& docker) {
  if (!value.present()) return;
  for (const auto& item : value.is(Node::Kind::list) ? value.items() : std::vector{value}) {
    if (auto path = item.file()) docker.env_file.push_back(std::move(*path));
  }
}

void read_tmpfs(const Value& value, Docker& docker) {
  if (!value.present()) return;
  for (const auto& item : value.is(Node::Kind::list) ? value.items() : std::vector{value}) {
    auto text = item.text();
    if (!text) continue;
    if (const auto wrong = tmpfs_error(*text); !wrong.empty())
      item.error(wrong);
    else
      docker.tmpfs.push_back(std::move(*text));
  }
}

void read_capabilities(const Value& list, std::vector<std::string>& out) {
  if (!list.present()) return;
  for (const auto& item : list.items()) {
    const auto text = item.text();
    if (!text) continue;
    auto name = capability_of(*text);
    if (is_capability(*text)) {
      out.push_back(std::move(name));
      continue;
    }
    const auto meant = core::nearest(name, capability_names());
    item.error(fmt::format("must be a capability such as NET_ADMIN, not {}{}", in_quotes(*text),
                           meant ? fmt::format("; did you mean {}?", *meant) : ""));
  }
}

Type<double> cpus() {
  const auto read = [](const Value& value) -> std::optional<double> {
    const auto number = value.number_above_zero();
    if (!number || *number >= k_least_cpus) return number;
    value.error("must be at least 0.01: docker refuses less");
    return {};
  };
  return {{{.kind = Form::Kind::number, .pattern = "[0-9.]+(?:[eE][-+]?[0-9]+)?", .least = k_least_cpus}},
          read};
}

Type<std::string> stop_signal() {
  const auto read = [](const Value& value) -> std::optional<std::string> {
    const auto text = value.matching([](std::string_view word) { return signal_of(word).has_value(); },
                                     "a signal such as SIGTERM");
    return text ? signal_of(*text) : std::nullopt;
  };
  std::string names;
  for (const std::string_view name : signal_names()) names += (names.empty() ? "" : "|") + any_case(name);
  return {scalar_form(
              fmt::format("[1-9][0-9]?|(?:{})?(?:{}|{})", any_case("SIG"), names,
                          any_case("POLL|RTMIN") + "(?:\\+[0-9]+)?|" + any_case("RTMAX") + "(?:-[0-9]+)?")),
          read};
}

// With or without CAP_, in any case.
Type<std::vector<std::string>> capabilities() {
  std::string names;
  for (const auto& name : capability_names()) names += (names.empty() ? "" : "|") + any_case(name);
  const auto read = [](const Value& list) -> std::optional<std::vector<std::string>> {
    if (!list.present()) return {};
    std::vector<std::string> found;
    read_capabilities(list, found);
    return found;
  };
  return {list_of(text_form(fmt::format("(?:{})?(?:{})", any_case("CAP_"), names))), read};
}

Shape environment_form() {
  constexpr const char* k_name = "[A-Za-z_][A-Za-z0-9_.-]*";
  return either(map_of(nullable(scalar_form()), k_name),
                list_of(text_form(fmt::format("{}(?:=[\\s\\S]*)?", k_name))));
}

void write_environment(Writer& out, const Docker& docker) {
  if (docker.environment.empty() && docker.inherited.empty()) return;
  Writer map = out.inside("environment");
  for (const auto& [name, text] : docker.environment) map.put(name, text);
  for (const auto& name : docker.inherited) map.put_null(name);
}

void write_files(Writer& out, const Docker& docker) {
  std::vector<std::string> paths;
  for (const auto& file : docker.env_file) paths.push_back(file.string());
  if (!paths.empty()) out.put("env_file", paths);
}

void write_logging(Writer& out, const Docker& docker) {
  if (!docker.logging) return;
  Writer map = out.inside("logging");
  write_fields(logging_keys().fields, *docker.logging, map);
}

void write_ulimits(Writer& out, const Docker& docker) {
  if (docker.ulimits.empty()) return;
  Writer map = out.inside("ulimits");
  for (const auto& limit : docker.ulimits) {
    Writer both = map.inside(limit.name);
    both.put("soft", limit.soft);
    both.put("hard", limit.hard);
  }
}

// Of a member that is a list of texts and is read in a way of its own.
template <auto Member>
void write_texts(Writer& out, const Docker& docker, const char* name) {
  if (!(docker.*Member).empty()) out.put(name, docker.*Member);
}

Type<std::string> container_port() {
  const auto read = [](const Value& value) -> std::optional<std::string> {
    const auto both = value.is(Node::Kind::scalar) ? to_published_port(value.node()->text) : std::nullopt;
    if (!both) return value.matching(is_port_or_placeholder, "a port from 1 to 65535, or {port}");
    value.error(fmt::format("is the app's own port alone: write {}; the ports on the host belong to `slots`",
                            both->container));
    return {};
  };
  return {port_form("\\{port\\}"), read};
}

std::vector<Field<Docker>> network_fields() {
  return {
      key("container_port", &Docker::container_port, container_port(),
          "The port that the app listens on, or {port}. Default: the only port that the image exposes.")
          .examples({"8080", "{port}"}),
      key("host_ip", &Docker::host_ip,
          matching(text_form("none|[0-9A-Fa-f:.]+"), is_host_ip, "an IP address of the host, or none"),
          "The address that the port is published on; none publishes nothing. Default: 127.0.0.1 where the "
          "proxy is on the same machine, else 0.0.0.0.")
          .examples({"127.0.0.1", "none"}),
      key<Docker>(
          "networks", list_of(scalar_form("[A-Za-z0-9][A-Za-z0-9_.-]*")), read_networks,
          [](Writer& out, const Docker& d) { write_texts<&Docker::networks>(out, d, "networks"); },
          "Networks to join, with the container's name as alias. An absent one is created."),
  };
}

std::vector<Field<Docker>> data_fields() {
  return {
      key<Docker>("environment", environment_form(), read_variables, write_environment,
                  "Environment variables: a map, or a list of NAME=value. A name without a value takes it "
                  "from the environment of bgdeploy, as a secret.")
          .per_slot(),
      key<Docker>(
          "env_file", one_or_list(filled_form()), read_files, write_files,
          "Files of variables on the machine that runs bgdeploy, one or a list. Their values are secrets."),
      key<Docker>(
          "volumes", list_of(either(filled_form(), section_form<volume_keys>())), {},
          [](Writer& out, const Docker& d) { write_texts<&Docker::volumes>(out, d, "volumes"); },
          "Mounts as in compose, short or long. The source is an absolute path on the host, or a volume's "
          "name.")
          .per_slot()
          .examples({"/var/log/shop/{slot}:/log", "data:/data:ro"}),
      key<Docker>(
          "extra_hosts",
          either(list_of(text_form("[^=:\\s]+[=:]\\S+")),
                 map_of(either(text_form("\\S+"), list_of(text_form("\\S+"))))),
          read_extra_hosts,
          [](Writer& out, const Docker& d) { write_texts<&Docker::extra_hosts>(out, d, "extra_hosts"); },
          "Lines for /etc/hosts: a list of NAME:ADDRESS, or a map of names to an address or a list of them.")
          .examples({"host.docker.internal:host-gateway"}),
  };
}

std::vector<Field<Docker>> limit_fields() {
  return {
      key("mem_limit", &Docker::mem_limit, size(k_least_memory), "The most memory, at least 6m.")
          .examples({"700m"}),
      key("cpus", &Docker::cpus, cpus(), "The most CPUs, such as 1.8."),
  };
}

std::vector<Field<Docker>> process_fields() {
  return {
      key("restart", &Docker::restart,
          matching(either(words_form({"no", "always", "unless-stopped", "on-failure"}),
                          text_form("on-failure:[0-9]+")),
                   is_restart, "no, always, unless-stopped, on-failure or on-failure:N"),
          "When docker starts the container again. A slot that was stopped stays so."),
      key("command", &Docker::command, command(),
          "Replaces the image's CMD: a list, or one line that is split as a shell splits it."),
      key("entrypoint", &Docker::entrypoint, command(), "Replaces the image's ENTRYPOINT, likewise."),
      key("user", &Docker::user, filled(), "The user, and group, that the app runs as.")
          .examples({"1000:1000"}),
      key("working_dir", &Docker::working_dir,
          matching(text_form("/[\\s\\S]*"), is_absolute, "an absolute path in the container"),
          "The folder that the app starts in."),
  };
}

std::vector<Field<Docker>> other_fields() {
  return {
      key<Docker>(
          "labels",
          either(map_of(nullable(scalar_form()), "(?!bgdeploy\\.)[\\s\\S]+"), list_of(filled_form())),
          read_labels,
          [](Writer& out, const Docker& docker) {
            if (!docker.labels.empty()) out.put("labels", docker.labels);
          },
          "Labels of the container: a map, or a list of NAME=value. bgdeploy.* is reserved."),
      key<Docker>("logging", section_form<logging_keys>(), read_logging, write_logging,
                  "The log driver and its options."),
      key<Docker>("ulimits",
                  map_of(either(limit_form(), section_form<limit_keys>()),
                         fmt::format("{}", fmt::join(ulimit_names(), "|"))),
                  read_ulimits, write_ulimits, "Limits by name: one number for both, or soft and hard."),
      key("cap_add", &Docker::cap_add, capabilities(), "Capabilities to add, with or without CAP_.")
          .examples({"NET_BIND_SERVICE"}),
      key("cap_drop", &Docker::cap_drop, capabilities(), "Capabilities to drop.").examples({"ALL"}),
      key("read_only", &Docker::read_only, flag(), "Whether the root file system is read-only."),
      key<Docker>(
          "tmpfs", one_or_list(text_form("/[\\s\\S]+")), read_tmpfs,
          [](Writer& out, const Docker& d) { write_texts<&Docker::tmpfs>(out, d, "tmpfs"); },
          "File systems in memory, one or a list.")
          .examples({"/run:size=64m,mode=1777"}),
      key("init", &Docker::init, flag(), "Whether an init process runs in front of the app."),
      key("shm_size", &Docker::shm_size, size(1), "The size of /dev/shm.").examples({"64m"}),
      key("stop_signal", &Docker::stop_signal, stop_signal(), "The signal that ends the app.")
          .examples({"SIGTERM"}),
      key("stop_grace_period", &Docker::stop_grace_period, duration(Zero::allowed),
          "The time from that signal to SIGKILL."),
      key<Docker>("socket", text_form("(?:unix://)?/[\\s\\S]+"),
                  "The engine's socket on the app hosts, a path. Default: what docker itself uses there.")
          .examples({"/run/user/1000/podman/podman.sock"}),
  };
}

}  // namespace

const Table<Docker>& docker_keys() {
  static const Table<Docker> k_table = [] {
    std::vector<Field<Docker>> all;
    for (auto fields : {network_fields(), data_fields(), limit_fields(), process_fields(), other_fields()})
      all.insert(all.end(), fields.begin(), fields.end());
    return Table<Docker>("docker", std::move(all));
  }();
  return k_table;
}

void read_docker(const Value& docker, Docker& out) {
  if (!docker.is_map()) return;
  read_fields(docker_keys(), docker, out);
  // After tmpfs: a target may be there only once in both.
  read_volumes(docker.get("volumes"), out);
}

void read_docker_socket(const Value& socket, std::optional<std::string>& out) {
  constexpr std::string_view k_scheme = "unix://";
  const auto path = [&](std::string_view text) {
    return text.starts_with(k_scheme) ? text.substr(k_scheme.size()) : text;
  };
  const auto text = socket.matching(
      [&](std::string_view t) {
        return is_absolute(path(t)) && path(t).size() > 1 && path(t).size() < k_longest_socket;
      },
      "the absolute path of a socket on the host, such as /run/user/1000/podman/podman.sock");
  if (text) out = path(*text);
}

}  // namespace bgdeploy::spec
