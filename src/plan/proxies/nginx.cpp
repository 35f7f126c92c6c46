// nginx: one file that it includes says which slot serves, or a whole site for each slot does.
#include <fmt/format.h>

#include <filesystem>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/spec/address.hpp"
#include "bgdeploy/spec/runtime.hpp"
#include "kinds.hpp"

namespace bgdeploy::plan::nginx {
namespace {

std::string file(const spec::Spec& spec, std::optional<std::size_t> slot) {
  if (!spec.nginx.sites) return spec.nginx.include;
  const auto site = [&](std::size_t of) {
    return core::substitute(spec.nginx.sites->to, substitutions(spec, of, "", "", ""));
  };
  if (slot) return site(*slot);
  return site(0) == site(1) ? site(0) : site(0) + " or " + site(1);
}

std::string_view file_word(const spec::Spec& spec) {
  return spec.nginx.sites ? "sites" : "include";
}

std::string file_pattern(const spec::Spec& spec) {
  return spec::routing_file(spec.nginx);
}

// In a container the folder is not known before docker was asked, and ~ is known on the host only.
std::optional<std::string> lock_folder(const spec::Spec& spec) {
  const std::filesystem::path path = spec::routing_file(spec.nginx);
  if (spec.nginx.container || path.is_relative()) return std::nullopt;
  return path.parent_path().string();
}

ProxyKind::Told told(const spec::Spec& spec) {
  const spec::Nginx& nginx = spec.nginx;
  return {.address = nginx.address,
          .port = nginx.port,
          .finds_unpublished = nginx.address || nginx.container || nginx.sites,
          .addresses = !nginx.sites};
}

bool names_container_port(const spec::Spec& spec) {
  const auto holds = [](const std::optional<std::string>& text, std::string_view name) {
    return text && text->find(name) != std::string::npos;
  };
  const auto& nginx = spec.nginx;
  const bool in_sites = nginx.sites && (holds(nginx.sites->from, "{container_port}") ||
                                        holds(nginx.sites->to, "{container_port}"));
  return spec.docker.host_ip == "none" || holds(nginx.address, "{container}") ||
         holds(nginx.address, "{container_port}") || holds(nginx.port, "{container_port}") || in_sites;
}

std::optional<core::Error> unreachable(const spec::Spec& spec, const Backend& backend, const std::string& ip,
                                       const std::vector<std::string>& networks) {
  if (networks.empty() || spec.nginx.address || !spec::is_loopback(backend.address)) return std::nullopt;
  const bool own_template =
      spec.nginx.sites ||
      (!spec.nginx.upstream && spec.nginx.template_text.find("{{address}}") == std::string::npos);
  if (own_template && !spec::is_loopback(ip)) return std::nullopt;
  return core::Error{
      core::ErrorKind::usage,
      fmt::format(
          "nginx runs in the container {}, whose loopback is its own: at {}:{} it does not reach slot {}, "
          "which is published on {}",
          *spec.nginx.container, backend.address, backend.port, backend.slot,
          spec::is_wildcard(ip) ? "the host's addresses" : ip),
      {fmt::format("let it find the containers by name: proxy.nginx.address: \"{{container}}\", and {} (as "
                   "{} is in) below {}",
                   networks.front(), *spec.nginx.container, spec::runtime_of(spec).networks)}};
}

std::string switch_words(const spec::Spec& spec, const Switch& change, const std::string& addresses) {
  const std::string where = file(spec, change.slot);
  const std::string& slot = spec.slots.at(change.slot).name;
  if (change.rewrite)
    return fmt::format("write {} as the spec has it ({}, {}) and reload nginx", where, slot, addresses);
  return fmt::format("point {} at {} ({}) and reload nginx", where, slot, addresses);
}

std::string undo_words(const spec::Spec& spec) {
  return fmt::format("put {} back and reload nginx", file(spec, {}));
}

std::string drain_words(const spec::Spec& spec, std::size_t slot) {
  return fmt::format("wait until nothing uses {}, at most {}", spec.slots.at(slot).name,
                     core::format_duration(spec.drain_timeout));
}

std::string by_hand(const spec::Spec& spec, const Places& places, std::size_t slot) {
  const auto routing = routing_to(spec, places, 0, slot, "");
  if (!routing || routing->empty() || spec.nginx.sites) return {};
  const std::string at = fmt::format("{}:{}", routing->front().address, routing->front().port);
  if (spec.nginx.upstream) return fmt::format("upstream {} {{ server {}; }}", *spec.nginx.upstream, at);
  if (spec.nginx.template_text == spec::Nginx{}.template_text)
    return fmt::format("set $service_url http://{};", at);
  return {};
}

std::string how_to_start(const spec::Spec& spec) {
  const std::string engine = spec.docker_socket ? fmt::format("--host unix://{} ", *spec.docker_socket) : "";
  if (spec.nginx.container) return fmt::format("docker {}start {}", engine, *spec.nginx.container);
  return "sudo systemctl start nginx";
}

std::vector<std::string> cautions(const spec::Spec&) {
  return {};
}

}  // namespace

}  // namespace bgdeploy::plan::nginx

namespace bgdeploy::plan {

const ProxyKind k_nginx = {
    .name = "nginx",
    .can = {.be_switched = true,
            .split_traffic = true,
            .test_before_switch = true,
            .observe_drain = true,
            .switch_without_reload = false},
    .file = nginx::file,
    .file_word = nginx::file_word,
    .file_pattern = nginx::file_pattern,
    .lock_folder = nginx::lock_folder,
    .told = nginx::told,
    .names_container_port = nginx::names_container_port,
    .unreachable = nginx::unreachable,
    .switch_words = nginx::switch_words,
    .undo_words = nginx::undo_words,
    .drain_words = nginx::drain_words,
    .leaving_words = "wait for nginx workers that still serve an earlier configuration",
    .blind_drain = {},
    .by_hand = nginx::by_hand,
    .how_to_start = nginx::how_to_start,
    .cautions = nginx::cautions};

}  // namespace bgdeploy::plan
