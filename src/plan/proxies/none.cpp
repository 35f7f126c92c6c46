// `proxy: none`: a proxy of the user's own sends to both ports, and to whatever runs there. Nothing is told
// to it.
#include <fmt/format.h>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "kinds.hpp"

namespace bgdeploy::plan::none {
namespace {

using namespace std::chrono_literals;

// nginx avoids a backend for 10 s (fail_timeout) since its port last refused.
constexpr core::Duration k_until_tried_again = 12s;

std::string no_file(const spec::Spec&, std::optional<std::size_t>) {
  return {};
}

std::string_view file_word(const spec::Spec&) {
  return "ports";
}

std::string file_pattern(const spec::Spec&) {
  return std::string(k_no_proxy.name);
}

std::optional<std::string> lock_folder(const spec::Spec&) {
  return std::nullopt;
}

ProxyKind::Told told(const spec::Spec&) {
  return {};
}

bool names_container_port(const spec::Spec&) {
  return false;
}

std::optional<core::Error> unreachable(const spec::Spec&, const Backend&, const std::string&,
                                       const std::vector<std::string>&) {
  return std::nullopt;
}

std::string switch_words(const spec::Spec& spec, const Switch& change, const std::string&) {
  return fmt::format("leave the {} to {}", spec::is_worker(spec) ? "work" : "traffic",
                     spec.slots.at(change.slot).name);
}

std::string drain_words(const spec::Spec& spec, std::size_t) {
  return fmt::format("wait {}, in which nginx tries the new port again",
                     core::format_duration(std::min(spec.drain_timeout, k_until_tried_again)));
}

std::string nothing(const spec::Spec&) {
  return {};
}

std::string by_hand(const spec::Spec&, const Places&, std::size_t) {
  return {};
}

std::vector<std::string> cautions(const spec::Spec& spec) {
  if (spec::is_worker(spec)) return {};
  const auto& published = spec.docker.host_ip;
  // There docker's own proxy accepts before the app listens; docs/nginx.md has the figures.
  const bool loopback = !published || published->starts_with("127.");
  return {fmt::format(
      "none: nginx sends to ports {} and {} alike, also while a new version boots{}. With "
      "`include /etc/nginx/conf.d/{}.inc;` in the server block and `proxy_pass $service_url;` in its "
      "location, and that include in proxy.nginx, no request is lost",
      spec.slots[0].port, spec.slots[1].port,
      loopback ? ", and at 127.0.0.1 POST requests are lost then: list both ports at docker0's address "
                 "(172.17.0.1) with max_fails=0, and publish there (docker.host_ip)"
               : "",
      spec.service)};
}

}  // namespace

}  // namespace bgdeploy::plan::none

namespace bgdeploy::plan {

const ProxyKind k_no_proxy = {.name = "none",
                              .can = {},
                              .file = none::no_file,
                              .file_word = none::file_word,
                              .file_pattern = none::file_pattern,
                              .lock_folder = none::lock_folder,
                              .told = none::told,
                              .names_container_port = none::names_container_port,
                              .unreachable = none::unreachable,
                              .switch_words = none::switch_words,
                              .undo_words = none::nothing,
                              .drain_words = none::drain_words,
                              .leaving_words = {},
                              .blind_drain = none::k_until_tried_again,
                              .by_hand = none::by_hand,
                              .how_to_start = none::nothing,
                              .cautions = none::cautions};

}  // namespace bgdeploy::plan
