#include "proxy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/proxy/inventory.hpp"
#include "bgdeploy/spec/document.hpp"

namespace bgdeploy::init {
namespace {

using proxy::Sending;

// The text of one file of a dump.
std::string text_in(std::string_view dump, const std::string& file) {
  const std::string head = fmt::format("# configuration file {}:\n", file);
  const std::size_t at = dump.find(head);
  if (at == std::string_view::npos) return {};
  std::string_view text = dump.substr(at + head.size());
  text = text.substr(0, text.find("# configuration file "));
  while (text.ends_with('\n')) text.remove_suffix(1);
  return std::string(text) + "\n";
}

// One line for each backend, where the lines differ in nothing else. Empty: no template makes that text.
std::string template_of(const std::string& text, const std::vector<Sending>& sendings,
                        const std::string& file) {
  std::string out, last;
  bool upstream = false;
  if (text.find("{{") != std::string::npos) return {};
  for (std::string line : core::split_lines(text)) {
    const auto sends_there = [&](const Sending& one) {
      return one.file == file && line.find(fmt::format("{}:{}", one.address, one.port)) != std::string::npos;
    };
    const auto found = std::ranges::find_if(sendings, sends_there);
    if (found == sendings.end()) {
      out += line + "\n";
      continue;
    }
    const std::string old = fmt::format("{}:{}", found->address, found->port);
    const std::string address = found->address == "localhost" ? "localhost" : "{{address}}";
    line.replace(line.find(old), old.size(), address + ":{{port}}");
    if (!last.empty() && line != last) return {};
    if (last.empty()) {
      upstream = core::trim(line).starts_with("server ");
      out += upstream ? "{{#backends}}" + line + "\n{{/backends}}" : line + "\n";
    }
    last = line;
  }
  const auto left = [&](const Sending& one) {
    return one.file == file && out.find(fmt::format("{}:{}", one.address, one.port)) != std::string::npos;
  };
  return last.empty() || std::ranges::any_of(sendings, left) ? std::string() : out;
}

void tell_container(Draft& draft, const HostState& host, const Sending& sending) {
  if (host.nginx.empty()) return;
  draft.say({"proxy", "nginx", "container"}, host.nginx, "nginx runs in it");
  // The host, as it is called inside of a container.
  constexpr std::string_view k_host[] = {"localhost", "host.docker.internal", "host.containers.internal"};
  if (std::ranges::find(k_host, sending.address) != std::end(k_host))
    draft.say({"proxy", "nginx", "address"}, sending.address, "as nginx is told now");
  else if (sending.address.find_first_not_of("0123456789.") != std::string::npos)
    draft.say({"proxy", "nginx", "address"}, "{container}", "nginx is on the same network");
}

}  // namespace

void tell_text(Draft& draft, const Sending& sending, const std::string& text) {
  const auto own = sending.upstream.empty()
                       ? fmt::format("set ${} http://{{{{address}}}}:{{{{port}}}};\n",
                                     sending.variable.empty() ? "service_url" : sending.variable)
                       : fmt::format(
                             "upstream {} {{\n{{{{#backends}}}}    server {{{{address}}}}:{{{{port}}}};\n"
                             "{{{{/backends}}}}    keepalive 32;\n}}\n",
                             sending.upstream);
  if (!sending.upstream.empty() && (text.empty() || text == own))
    draft.say({"proxy", "nginx", "upstream"}, sending.upstream);
  else if (!sending.upstream.empty())
    draft.say({"proxy", "nginx", "template"}, spec::without_substitutions(text),
              fmt::format("as the file is; `upstream: {}` in its place keeps connections open too",
                          sending.upstream));
  else if ((text.empty() ? own : text) != "set $service_url http://{{address}}:{{port}};\n")
    draft.say({"proxy", "nginx", "template"}, spec::without_substitutions(text.empty() ? own : text));
}

void tell_proxy(Draft& draft, const HostState& host, const std::vector<KnownSlot>& slots) {
  const auto sendings = proxy::sendings(host.dump);
  const auto by_name = [&](const Sending& sending) {
    return std::ranges::any_of(slots, [&](const KnownSlot& slot) {
      return (!slot.container.empty() && sending.address == slot.container) ||
             std::ranges::find(slot.addresses, sending.address) != slot.addresses.end();
    });
  };
  const auto by_port = [&](const Sending& sending) {
    return std::ranges::find(slots, sending.port, &KnownSlot::port) != slots.end();
  };
  // Another container may listen on that port inside.
  auto found = std::ranges::find_if(sendings, by_name);
  if (found == sendings.end()) found = std::ranges::find_if(sendings, by_port);
  if (found == sendings.end()) return;
  // Several sites may include one file.
  std::string used;
  for (const Sending& one : sendings)
    if (one.file == found->file && one.port == found->port) {
      const std::string by =
          fmt::format("{}{}{}", one.site, one.names.empty() ? "" : " for ", fmt::join(one.names, ", "));
      if (!used.contains(by)) used += (used.empty() ? "used by " : ", and by ") + by;
    }
  if (found->variable.empty() && found->upstream.empty()) {
    draft.note(fmt::format(
        "{} on {} sends to port {} itself: it has to include the file of `proxy.nginx.include` instead",
        found->site, host.target, found->port));
    return tell_container(draft, host, *found);
  }
  draft.drop({"proxy"});
  draft.say({"proxy", "nginx", "include"}, found->file, used);
  tell_text(draft, *found, template_of(text_in(host.dump, found->file), sendings, found->file));
  tell_container(draft, host, *found);
}

}  // namespace bgdeploy::init
