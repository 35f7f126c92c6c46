#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "bgdeploy/core/text.hpp"
#include "template.hpp"
#include "types.hpp"

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
bool is_backend_port(std::string_view text) {
  return to_port(text) || text == "{port}" || text == "{container_port}";
}
bool is_upstream_name(std::string_view text) {
  return !text.empty() && !core::is_digit(text[0]) && text[0] != '.' && text[0] != '-' &&
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

Type<std::string> template_text() {
  const auto read = [](const Value& value) -> std::optional<std::string> {
    auto content = value.text();
    if (!content) return {};
    if (core::trim(*content).empty()) value.error("must not be empty");
    for (const std::string& words : tags_of(*content).wrong) value.error(words);
    return content;
  };
  return {filled_form(), read};
}

const Section& sites_keys() {
  constexpr const char* k_host_file = "(?:~?/)[\\s\\S]*[^/]";
  static const Section k_section{
      "proxy.nginx.sites",
      {{.name = "from",
        .doc = "The site file of a slot, on the proxy host: another file for each slot.",
        .shape = text_form(k_host_file),
        .required = true,
        .per_slot = true,
        .examples = {"~/sites/shop-{port}.conf"}},
       {.name = "to",
        .doc = "Where the live slot's file is put, in one folder for both slots.",
        .shape = text_form(k_host_file),
        .required = true,
        .per_slot = true,
        .examples = {"/etc/nginx/sites-enabled/shop-{port}.conf"}}}};
  return k_section;
}

void write_sites(Writer& out, const Nginx& nginx) {
  if (!nginx.sites) return;
  Writer map = out.inside("sites");
  map.put("from", nginx.sites->from);
  map.put("to", nginx.sites->to);
}

std::vector<Field<Nginx>> nginx_fields() {
  return {
      key<Nginx>("sites", section_form<sites_keys>(), {}, write_sites,
                 "Whole site files instead of an include: the one of the live slot is copied to its place."),
      key("include", &Nginx::include,
          matching(text_form("/[\\s\\S]*[^/]"), is_absolute_file, "the absolute path of a file"),
          "The file that bgdeploy writes and the site includes: the path as nginx sees it. Required without "
          "sites.")
          .examples({"/etc/nginx/conf.d/service-url.inc"}),
      key("container", &Nginx::container,
          matching(scalar_form("[A-Za-z0-9][A-Za-z0-9_.-]+"), is_container_name, "a container's name"),
          "The container on the proxy host that nginx runs in."),
      key("template", &Nginx::template_text, template_text(),
          "What is written to the include, in mustache: {{host}}, {{address}}, {{port}}, {{container}}, "
          "{{slot}}, {{tag}}, {{weight}}, and {{#backends}} for all hosts.")
          .written_if([](const Nginx& nginx) { return !nginx.upstream && !nginx.sites; }),
      key("upstream", &Nginx::upstream,
          matching(scalar_form("[A-Za-z_][A-Za-z0-9_.-]*"), is_upstream_name,
                   "a name of letters, digits, '_', '.' and '-'"),
          "Instead of template: the name of an `upstream` of all backends."),
      key("address", &Nginx::address,
          matching(scalar_form("[A-Za-z0-9_.:\\[\\]{}-]+"), is_backend_address,
                   "an address, a name or a placeholder"),
          "Instead of the backend's address.")
          .per_slot()
          .examples({"{container}"}),
      key("port", &Nginx::port,
          matching(port_form("\\{(?:container_)?port\\}"), is_backend_port,
                   "a port from 1 to 65535, {port} or {container_port}"),
          "Instead of the backend's port: a number, {port} or {container_port}.")
          .per_slot()
          .examples({"{container_port}"}),
      key("test", &Nginx::test, program(), "The command that tests nginx's configuration."),
      key("reload", &Nginx::reload, program(), "The command that reloads nginx."),
  };
}

}  // namespace

const Table<Nginx>& nginx_keys() {
  static const Table<Nginx> k_table("proxy.nginx", nginx_fields(), {"include", "sites"});
  return k_table;
}

const Section& proxy_keys() {
  static const Section k_section{"proxy",
                                 {{.name = "nginx",
                                   .doc = "nginx, on the proxy hosts.",
                                   .shape = section_form<nginx_keys>(),
                                   .required = true}}};
  return k_section;
}

void read_nginx(const Value& nginx, Nginx& out) {
  if (!nginx.is_map()) return;
  if (!nginx.get("sites").present()) nginx.need("include");
  read_sites(nginx, out);
  const Value upstream = nginx.get("upstream");
  if (nginx.get("template").present() && upstream.present())
    upstream.error_at_key("and template exclude each other");
  read_fields(nginx_keys(), nginx, out);
}

}  // namespace bgdeploy::spec
