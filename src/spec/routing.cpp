// Whether what nginx is told can lead to the right slot, as far as the spec alone tells. plan/routing and
// proxy/nginx make the text itself, and look once more at what only the hosts know.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <initializer_list>
#include <tuple>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/spec/runtime.hpp"
#include "template.hpp"
#include "types.hpp"

namespace bgdeploy::spec {
namespace {

bool holds_one_of(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](auto word) { return text.find(word) != std::string::npos; });
}

// Whether the container's own port may be another one in each slot. Where the spec does not name it, only the
// image knows.
bool container_ports_differ(const Spec& spec) {
  const auto& port = spec.docker.container_port;
  return !port || *port == "{port}";
}

bool ports_differ(const Spec& spec) {
  const auto& [port, address] = std::tie(spec.nginx.port, spec.nginx.address);
  if (port)
    return holds_one_of(*port, {"{port}"}) || (*port == "{container_port}" && container_ports_differ(spec));
  const bool at_container =
      spec.docker.host_ip == "none" || (address && holds_one_of(*address, {"{container}"}));
  return !at_container || container_ports_differ(spec);
}

bool addresses_differ(const Spec& spec) {
  if (const auto& address = spec.nginx.address)
    return holds_one_of(*address, {"{slot}", "{port}", "{container}"}) ||
           (holds_one_of(*address, {"{container_port}"}) && container_ports_differ(spec));
  // What is not published has the container's name for an address, where the host has none of its own.
  const auto nameless = [](const Host& host) { return !host.address.has_value(); };
  return spec.docker.host_ip == "none" &&
         (spec.proxy_hosts.empty() ? std::ranges::all_of(spec.app_hosts, nameless)
                                   : std::ranges::any_of(spec.app_hosts, nameless));
}

// The fields of a backend in which the slots differ, or may.
std::vector<std::string> telling_fields(const Spec& spec) {
  std::vector<std::string> fields;
  if (ports_differ(spec)) fields.emplace_back("port");
  if (addresses_differ(spec)) fields.emplace_back("address");
  if (names_container(spec, 0) || names_container(spec, 1)) fields.emplace_back("container");
  fields.emplace_back("slot");
  return fields;
}

// `upstream` writes addresses and ports.
TemplateTags tags_told(const Nginx& nginx) {
  if (!nginx.upstream) return tags_of(nginx.template_text);
  return {.wrong = {}, .fields = {"address", "port"}, .of_each = true};
}

void check_every_backend(const Value& nginx, const Spec& spec) {
  const auto count = spec.app_hosts.size();
  const Value text = nginx.get("template");
  if (text.present())
    return text.error(
        fmt::format("does not use all of {} backends: put what is said of each between {{{{#backends}}}} and "
                    "{{{{/backends}}}}",
                    count));
  nginx.error_at_key(fmt::format(
      "must tell of {} backends: give it `upstream`, or a `template` with {{{{#backends}}}}", count));
}

void check_slots_differ(const Value& root, const Spec& spec, const TemplateTags& tags) {
  const auto telling = telling_fields(spec);
  if (std::ranges::any_of(telling, [&](const auto& field) { return tags.fields.contains(field); })) return;
  const Value nginx = root.get("proxy").get("nginx");
  const auto& [blue, green] = std::tie(spec.slots[0].name, spec.slots[1].name);
  // Where the text names what would tell them apart, it is another key that makes that the same.
  for (const char* field : {"port", "address"})
    if (const Value told = nginx.get(field); tags.fields.contains(field) && told.present())
      return told.error(
          fmt::format("makes {} and {} the same to nginx: use {{port}} in `port`, or "
                      "{{container}} in `address`",
                      blue, green));
  if (const Value text = nginx.get("template"); text.present())
    return text.error(fmt::format("says the same for {} and {}: it has to use {{{{{}}}}}", blue, green,
                                  fmt::join(telling, "}} or {{")));
  root.get("docker").get("host_ip").error(fmt::format(
      "is none, so nginx is told the same for {} and {}: use {{container}} in proxy.nginx.address", blue,
      green));
}

}  // namespace

void check_routing(const Value& root, const Spec& spec) {
  // What is half read would only be wrong once more.
  if (!spec.proxied || spec.slots[0].name.empty() || is_worker(spec) || spec.app_hosts.empty()) return;
  const Value nginx = root.get("proxy").get("nginx");
  if (!nginx.is(Node::Kind::map)) return;
  constexpr const char* k_finds[] = {"address", "container", "sites"};
  if (spec.docker.host_ip == "none" && !spec.compose &&
      std::ranges::none_of(k_finds, [&](auto key) { return nginx.get(key).present(); }))
    root.get("docker").get("host_ip").error(
        "is none, so proxy.nginx.address must say how nginx reaches the containers");
  const Value text = nginx.get("template");
  const bool broken =
      text.present() && (!text.is(Node::Kind::scalar) || core::trim(text.node()->text).empty());
  if (nginx.get("sites").present() || broken) return;
  const TemplateTags tags = tags_told(spec.nginx);
  if (!tags.wrong.empty()) return;
  if (!spec.proxy_hosts.empty() && spec.app_hosts.size() > 1 && !tags.of_each)
    check_every_backend(nginx, spec);
  else
    check_slots_differ(root, spec, tags);
}

}  // namespace bgdeploy::spec
