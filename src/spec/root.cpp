// The keys at the top of the spec, and what they mean to each other.
#include <fmt/format.h>

#include "bgdeploy/core/nearest.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/spec/reference.hpp"
#include "types.hpp"

namespace bgdeploy::spec {
namespace {

constexpr std::string_view k_only_strategy = "blue_green";

// --- how they are read -----------------------------------------------------------------------------------

Type<std::string> repository() {
  constexpr const char* k_part = "[a-z0-9]+(?:[._-]+[a-z0-9]+)*";
  const auto read = [](const Value& value) -> std::optional<std::string> {
    auto text = value.text();
    if (!text) return {};
    const auto valid = check_repository(*text);
    if (valid) return text;
    value.error(valid.error().message);
    return {};
  };
  return {scalar_form(fmt::format(
              "(?:(?:[A-Za-z0-9_.][A-Za-z0-9_.-]*|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]+)?/)?{0}(?:/{0})*", k_part)),
          read};
}

void read_strategy(const Value& value, Spec&) {
  if (!value.present() || (value.is(Node::Kind::scalar) && value.node()->text == k_only_strategy)) return;
  const std::string text = value.is(Node::Kind::scalar) ? core::to_lower(value.node()->text) : "";
  if (core::nearest(text, std::vector{std::string(k_only_strategy)}))
    return value.error(
        fmt::format("has no {}, did you mean '{}'?", in_quotes(value.node()->text), k_only_strategy));
  value.unsupported("a strategy other than blue_green",
                    "leave it out, and let `watch` take back a bad release");
}

void read_proxy(const Value& proxy, Spec& spec) {
  spec.proxied = !(proxy.is(Node::Kind::scalar) && proxy.node()->text == "none");
  if (spec.proxied && proxy.is_map()) read_nginx(proxy.need("nginx"), spec.nginx);
}

void check_proxy_hosts(const Value& hosts, const Spec& spec) {
  if (!spec.proxied && hosts.get("proxy").present())
    hosts.get("proxy").error_at_key("has no meaning with `proxy: none`");
}

// --- how they are written --------------------------------------------------------------------------------

void write_hosts(Writer& out, const Spec& spec) {
  Writer map = out.inside("hosts");
  const auto list = [&](const char* name, const std::vector<Host>& hosts) {
    map.list(name, hosts.size(),
             [&](Writer& item, std::size_t i) { write_fields(host_keys().fields, hosts.at(i), item); });
  };
  list("app", spec.app_hosts);
  if (!spec.proxy_hosts.empty()) list("proxy", spec.proxy_hosts);
}

void write_slots(Writer& out, const Spec& spec) {
  if (is_worker(spec)) return out.put("slots", std::vector{spec.slots[0].name, spec.slots[1].name});
  Writer map = out.inside("slots");
  for (std::size_t i = 0; i < spec.slots.size(); ++i) {
    const Slot& slot = spec.slots.at(i);
    Writer own = map.inside(slot.name);
    own.put("port", slot.port);
    // To give it means something to compose.
    if (!spec.compose || spec.compose->named.at(i)) own.put("container", slot.container);
  }
}

void write_registry(Writer& out, const Spec& spec) {
  if (!spec.registry) return;
  Writer map = out.inside("registry");
  map.put("username", spec.registry->username);
  write_source(map, "password", spec.registry->password);
}

void write_docker(Writer& out, const Spec& spec) {
  if (spec.compose && !spec.docker_socket) return;
  Writer map = out.inside("docker");
  if (!spec.compose) write_fields(docker_keys().fields, spec.docker, map);
  if (spec.docker_socket) map.put("socket", *spec.docker_socket);
}

void write_secrets(Writer& out, const Spec& spec) {
  if (spec.secrets.empty()) return;
  Writer map = out.inside("secrets");
  for (const auto& [name, source] : spec.secrets) write_source(map, name, source);
}

void write_proxy(Writer& out, const Spec& spec) {
  if (!spec.proxied) return out.put("proxy", "none");
  Writer map = out.inside("proxy").inside("nginx");
  write_fields(nginx_keys().fields, spec.nginx, map);
}

void write_verify(Writer& out, const Spec& spec) {
  if (!spec.proxied) return;
  if (!spec.verify) return out.put("verify", "off");
  Writer map = out.inside("verify");
  write_fields(verify_keys().fields, *spec.verify, map);
}

// Writes a section that is a member, there or not.
template <auto Member, auto Keys>
auto member_writer(const char* name) {
  return [name](Writer& out, const Spec& spec) {
    if (!detail::is_given(spec.*Member)) return;
    Writer map = out.inside(name);
    write_fields(Keys().fields, detail::plain(spec.*Member), map);
  };
}

// --- the table -------------------------------------------------------------------------------------------

const Table<Spec>& drain_keys() {
  static const Table<Spec> k_table("drain", {key("timeout", &Spec::drain_timeout, duration(Zero::allowed),
                                                 "The longest wait until nothing uses the old slot.")});
  return k_table;
}

std::vector<Field<Spec>> place_fields() {
  constexpr const char* k_name = "[a-z0-9][a-z0-9._-]*";
  Shape slots = map_of(either(port_form(), section_form<slot_keys>()), k_name);
  slots.front().least = slots.front().most = 2;
  slots.front().nullable = false;
  Shape names = list_of(scalar_form("(?=.*[a-z._-])[a-z0-9][a-z0-9._-]*"), 2);
  names.front().most = 2;
  slots = either(std::move(slots), std::move(names));
  return {
      key("service", &Spec::service,
          matching(scalar_form(k_name), is_lower_name,
                   "a name of a-z, 0-9, '.', '_' and '-' that begins with a letter or a digit"),
          "The service's name.")
          .required(),
      key("image", &Spec::image, repository(),
          "The image's repository, without a tag: that comes with --tag. Required without compose.")
          .examples({"registry.example.com:5000/shop/web"}),
      key<Spec>("hosts", section_form<hosts_keys>(), {}, write_hosts, "The machines.").required(),
      key<Spec>("ssh", section_form<ssh_keys>(),
                "How all hosts are reached. A host's own entry goes before, ~/.ssh/config behind it."),
      key<Spec>("slots", std::move(slots), {}, write_slots,
                "Exactly two slots: each a port on the host, or a map of port and container. A first deploy "
                "uses the first one. A worker, which serves no requests, has a list of their names.")
          .required(),
      key<Spec>("registry", section_form<registry_keys>(), {}, write_registry,
                "The login that is sent with a pull. Nothing is stored on a host."),
  };
}

std::vector<Field<Spec>> runtime_fields() {
  return {
      key<Spec>("compose", section_form<compose_keys>(), {},
                member_writer<&Spec::compose, compose_keys>("compose"),
                "Instead of docker: a compose project runs each slot."),
      key<Spec>("docker", section_form<docker_keys>(), {}, write_docker,
                "The container of a slot. Names and meanings are those of compose."),
      key<Spec>("build", section_form<build_keys>(), {}, member_writer<&Spec::build, build_keys>("build"),
                "Instead of pulling: the image is built on the app hosts from files of this machine."),
      key<Spec>(
          "secrets", map_of(section_form<source_keys>(), "[A-Za-z_][A-Za-z0-9_.-]*"), {}, write_secrets,
          "Environment variables of the app whose values are never printed, each with where it comes from."),
      key<Spec>("health", section_form<health_keys>(), {},
                member_writer<&Spec::health, health_keys>("health"),
                "When a slot is healthy: exactly one of http, tcp, docker, exec and running.")
          .required(),
  };
}

std::vector<Field<Spec>> traffic_fields() {
  return {
      key<Spec>(
          "proxy", either(words_form({"none"}), section_form<proxy_keys>()), {}, write_proxy,
          "What sends requests to the live slot: nginx, or none where a proxy lists the ports of both slots.")
          .required(),
      key<Spec>(
          "drain", section_form<drain_keys>(),
          [](const Value& drain, Spec& spec) {
            if (drain.is_map()) read_fields(drain_keys(), drain, spec);
          },
          [](Writer& out, const Spec& spec) {
            Writer map = out.inside("drain");
            write_fields(drain_keys().fields, spec, map);
          },
          "The wait after the switch, while requests to the old slot end."),
      key<Spec>("verify", either(words_form({"off"}), section_form<verify_keys>()), {}, write_verify,
                "One request through each proxy after the switch, and again after the old slot has stopped; "
                "off: none. Default: on with health.http."),
      key<Spec>("watch", section_form<watch_keys>(), {}, member_writer<&Spec::watch, watch_keys>("watch"),
                "What is looked at after the switch, while the old slot still runs. A bad verdict takes the "
                "switch back."),
      key("retire", &Spec::retire,
          one_of<Retire>({{"stop", Retire::stop}, {"remove", Retire::remove}, {"keep", Retire::keep}}),
          "What happens to the old slot then: stop (a fast rollback), remove, or keep (it goes on running)."),
      key("order", &Spec::order,
          one_of<Order>({{"start_first", Order::start_first}, {"stop_first", Order::stop_first}}),
          "stop_first: the old slot stops before the new one starts, for what must not run twice."),
      key<Spec>(
          "strategy", words_form({std::string(k_only_strategy)}), read_strategy,
          [](Writer& out, const Spec&) { out.put("strategy", std::string(k_only_strategy)); },
          "How a release is rolled out."),
      key<Spec>("hooks", section_form<hooks_keys>(), {}, write_hooks,
                "Commands of your own at fixed moments of a deploy or rollback."),
      key<Spec>("notify", list_of(section_form<notify_keys>()), {}, write_notify,
                "Who is told how a deploy, a rollback or a promotion ended."),
      key("parallel", &Spec::parallel, count(1000), "The most hosts that are worked on at once."),
      key<Spec>(
          "history", section_form<history_keys>(),
          [](const Value& history, Spec& spec) {
            if (history.is_map()) read_fields(history_keys(), history, spec.history);
          },
          member_writer<&Spec::history, history_keys>("history"), "The log of deploys on the host."),
      key<Spec>(
          "prune", section_form<prune_keys>(),
          [](const Value& prune, Spec& spec) {
            if (prune.is_map()) read_fields(prune_keys(), prune, spec.prune);
          },
          member_writer<&Spec::prune, prune_keys>("prune"),
          "What is removed from the hosts after a good deploy, and by `bgdeploy prune`."),
      // Taken out before the rest is read, and checked by itself.
      key<Spec>("environments", map_of(nullable(section_form<overlay_keys>())),
                "Parts of a spec by name, picked with -e and laid over the rest: maps are merged, lists and "
                "values are replaced, and null removes."),
  };
}

}  // namespace

const Table<History>& history_keys() {
  const auto is_dir = [](std::string_view text) {
    return (text.starts_with('/') || text.starts_with("~/")) && !has_control_character(text);
  };
  static const Table<History> k_table(
      "history", {key("dir", &History::dir,
                      matching(text_form("~?/[\\s\\S]*"), is_dir,
                               "an absolute path on the host, or one that begins with '~/'"),
                      "A folder on the host; ~ is the home of the user who logs in."),
                  key("keep", &History::keep, count(1'000'000), "The most entries.")});
  return k_table;
}

const Table<Prune>& prune_keys() {
  static const Table<Prune> k_table("prune",
                                    {key("images", &Prune::images, whole(0, 1000),
                                         "The releases, beside the live one, whose images are kept.")});
  return k_table;
}

const Table<Spec>& root_keys() {
  static const Table<Spec> k_table = [] {
    std::vector<Field<Spec>> all;
    for (auto fields : {place_fields(), runtime_fields(), traffic_fields()})
      all.insert(all.end(), fields.begin(), fields.end());
    return Table<Spec>("", std::move(all));
  }();
  return k_table;
}

const Section& overlay_keys() {
  static const Section k_section = [] {
    Section section{"environments.*", root_keys().keys};
    std::erase_if(section.keys, [](const Key& key) { return key.name == "environments"; });
    return section;
  }();
  return k_section;
}

void read_spec(const Value& root, Spec& spec) {
  read_fields(root_keys(), root, spec);
  // compose names the image itself.
  const bool named_elsewhere = root.get("compose").present() && !root.get("build").present();
  if (!named_elsewhere) root.need("image");
  read_hosts(root, spec);
  read_slots(root.need("slots"), spec);
  read_registry(root.get("registry"), spec);
  read_docker(root.get("docker"), spec.docker);
  read_docker_socket(root.get("docker").get("socket"), spec.docker_socket);
  read_build(root.get("build"), spec);
  if (root.get("compose").present()) read_compose(root.get("compose"), spec.compose.emplace());
  read_hooks(root.get("hooks"), spec);
  read_secrets(root.get("secrets"), spec);
  read_health(root.need("health"), spec.health);
  read_proxy(root.need("proxy"), spec);
  check_proxy_hosts(root.get("hosts"), spec);
  read_verify(root.get("verify"), spec);
  read_watch(root.get("watch"), spec);
  read_notify(root.get("notify"), spec.notify);
  check_workers(root, spec);
  if (spec.compose) finish_compose(root, spec);
  check_published(root, spec);
  check_direct(root, spec);
  check_routing(root, spec);
}

}  // namespace bgdeploy::spec
