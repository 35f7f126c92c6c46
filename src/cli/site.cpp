#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/deploy/site.hpp"
#include "command.hpp"
#include "commands.hpp"

namespace bgdeploy::cli {
namespace {

// As `head` shows several files; every line is one of nginx's.
std::string as_text(const spec::Spec& spec, const std::vector<proxy::SitePart>& parts) {
  std::string text;
  for (const proxy::SitePart& part : parts) {
    text += fmt::format("{}# ==> {} <==\n", text.empty() ? "" : "\n", part.path);
    if (part.kind == proxy::SitePart::Kind::include)
      text += fmt::format(
          "# Only before the first deploy, since nginx refuses a site whose include is missing. Later "
          "bgdeploy writes\n"
          "# this file. Slot {} counts as live if something listens on its port.\n",
          spec.slots[0].name);
    text += part.text;
  }
  return text;
}

}  // namespace

int run_site(const Arguments& arguments) {
  const proxy::SiteWish wish{arguments.server_names, arguments.to.value_or("")};
  if (!arguments.write) {
    const auto spec = load_spec(arguments);
    if (!spec) return print_error(spec.error());
    const auto parts = deploy::site_text(*spec, wish);
    if (!parts) return print_error(parts.error());
    print(as_text(*spec, *parts));
    return 0;
  }
  auto session = Session::open(arguments);
  if (!session) return print_error(session.error());
  const auto written = deploy::write_site((*session)->context(), wish, arguments.force);
  (*session)->close_report();
  if (!written) return print_error(written.error());
  std::vector<std::vector<std::string>> rows = {{"HOST", "FILE", "WHAT"}};
  for (const auto& one : *written)
    for (const auto& [path, what] : one.parts) rows.push_back({one.host, path, what});
  print(table(rows));
  const auto asked = proxy::server_name_of((*session)->spec(), wish);
  for (const auto& one : *written)
    if (one.names != asked)
      print(fmt::format("the site on {} keeps its server_name {}: --server-name NAME gives it another one\n",
                        one.host, one.names));
  if (std::ranges::any_of(*written, [](const auto& one) { return one.names == "_"; }))
    print(
        "no name leads to the site yet, so nginx sends it only what no other site takes: --server-name "
        "NAME\n");
  return 0;
}

}  // namespace bgdeploy::cli
