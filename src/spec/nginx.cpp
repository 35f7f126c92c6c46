#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "reader.hpp"
#include "template.hpp"

namespace bgdeploy::spec {
namespace {

bool is_absolute_file(std::string_view text) {
  return text.size() > 1 && text.front() == '/' && text.back() != '/' && !has_control_character(text);
}

// These become a part of nginx's configuration, so nothing that ends a directive there gets through.
bool is_backend_address(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-:[]{}") ==
             std::string_view::npos &&
         (has_placeholder(text) || text.find_first_of("{}") == std::string_view::npos);
}
bool is_port_or_placeholder(std::string_view text) {
  return to_port(text) || text == "{port}" || text == "{container_port}";
}
bool is_upstream_name(std::string_view text) {
  return !text.empty() && !is_digit(text[0]) && text[0] != '.' && text[0] != '-' &&
         all_of(text, k_word_characters);
}

// On the proxy host, with † placeholders.
bool is_host_file(std::string_view text) {
  return (text.starts_with('/') || text.starts_with("~/")) && text.size() > 1 && text.back() != '/' &&
         !has_control_character(text);
}
bool has_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](auto word) { return text.find(word) != std::string_view::npos; });
}

std::string read_site(const Value& value) {
  const auto text = value.matching(
      is_host_file, "the absolute path of a file on the proxy host, or one that begins with '~/'");
  if (!text) return {};
  for (const std::string_view unknown : {"{host}", "{address}", "{tag}"})
    if (text->find(unknown) != std::string::npos)
      value.error(fmt::format("must not hold {}: use {{slot}}, {{port}} or {{container}}", unknown));
  return *text;
}

void read_sites(const Value& nginx, Nginx& out) {
  const Value sites = nginx.get("sites");
  if (!sites.present()) return;
  for (const std::string_view other : {"include", "template", "upstream", "address", "port"})
    if (nginx.get(other).present()) sites.error_at_key(fmt::format("and {} exclude each other", other));
  if (!sites.is_map()) return;
  const Value from = sites.need("from");
  const Value to = sites.need("to");
  out.sites = Sites{read_site(from), read_site(to)};
  if (!out.sites->from.empty() && !has_one_of(out.sites->from, {"{slot}", "{port}", "{container}"}))
    from.error("must be another file for each slot: use {slot}, {port} or {container}");
  if (has_placeholder(out.sites->to.substr(0, out.sites->to.rfind('/') + 1)))
    to.error("must be in one folder for both slots");
  if (!out.sites->to.empty() && out.sites->to == out.sites->from) to.error("must not be what is copied");
}

void read_command(const Value& value, std::vector<std::string>& out) {
  auto argv = value.command();
  if (argv && (argv->empty() || argv->front().empty())) {
    value.error("must name a program");
    return;
  }
  set(out, std::move(argv));
}

}  // namespace

void read_nginx(const Value& nginx, Nginx& out) {
  if (!nginx.is_map()) return;
  const Value include = nginx.get("sites").present() ? nginx.get("include") : nginx.need("include");
  set(out.include, include.matching(is_absolute_file, "the absolute path of a file"));
  read_sites(nginx, out);
  set(out.container, nginx.get("container").matching(is_container_name, "a container's name"));
  const Value text = nginx.get("template");
  const Value upstream = nginx.get("upstream");
  if (text.present() && upstream.present()) upstream.error_at_key("and template exclude each other");
  const auto content = text.text();
  if (content && core::trim(*content).empty()) text.error("must not be empty");
  if (content)
    for (const std::string& words : wrong_tags(*content)) text.error(words);
  set(out.template_text, content);
  set(out.upstream, upstream.matching(is_upstream_name, "a name of letters, digits, '_', '.' and '-'"));
  set(out.address, nginx.get("address").matching(is_backend_address, "an address, a name or a placeholder"));
  set(out.port, nginx.get("port").matching(is_port_or_placeholder,
                                           "a port from 1 to 65535, {port} or {container_port}"));
  read_command(nginx.get("test"), out.test);
  read_command(nginx.get("reload"), out.reload);
}

}  // namespace bgdeploy::spec
