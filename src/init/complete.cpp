// What no source said: what is usual, or a stand-in that says what has to stand there.
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/init/draft.hpp"
#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/spec/load.hpp"
#include "script_words.hpp"

namespace bgdeploy::init {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// A name that a service, and an image, may have.
std::string as_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const char small = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (is_plain(small))
      name += small;
    else if (!name.empty() && is_plain(name.back()))
      name += small == '_' || small == '.' ? small : '-';
  }
  while (!name.empty() && !is_plain(name.back())) name.pop_back();
  return name;
}

std::size_t slots_in(const Draft& draft) {
  return static_cast<std::size_t>(std::ranges::count_if(
      draft.findings(), [](const Finding& one) { return one.path.size() == 2 && one.path[0] == "slots"; }));
}

void complete_name(Draft& draft, const std::string& folder) {
  if (!draft.has({"service"})) {
    std::string image = draft.text({"image"});
    image = image.substr(image.rfind('/') + 1);
    image = image.contains('$') ? std::string() : as_name(image);  // a variable is no name
    const std::string name = image.empty() ? as_name(folder) : image;
    if (name.empty())
      draft.fill_in({"service"}, "app", "its name");
    else
      draft.guess({"service"}, name, image.empty() ? "the folder's name" : "the image's name");
  }
  if (draft.has({"image"})) return;
  if (draft.has({"build"}))
    draft.say({"image"}, draft.text({"service"}), "what the image is called that is built");
  else
    draft.fill_in({"image"}, "registry.example.com/" + draft.text({"service"}),
                  "the image's repository, without a tag: that comes with --tag");
}

void complete_project(Draft& draft, const std::string& folder) {
  if (draft.has({"compose", "project"})) return;
  const std::string file = draft.text({"compose", "file"}) + draft.text({"compose", "remote_file"});
  if (!file.contains("{slot}") && draft.text({"compose", "service"}).contains("{slot}"))
    draft.guess({"compose", "project"}, as_name(folder).empty() ? "app" : as_name(folder),
                "the folder's name, as compose takes it where `-p` is not given; both slots share it");
  else
    draft.guess({"compose", "project"}, "{service}-{slot}",
                "what `-p` says, or said before; where it was not given, compose took the folder's name");
}

// The container's port is asked anyway.
void settle_health_port(Draft& draft) {
  const Path path{"health", "http", "port"};
  const Finding* asked = draft.find(path);
  if (asked == nullptr) return;
  const Finding* listens = draft.find({"docker", "container_port"});
  bool same = listens != nullptr && (listens->value == asked->value || listens->value == "{port}");
  if (draft.has({"compose"}))
    for (const Finding& one : draft.findings())
      if (one.path.size() == 2 && one.path[0] == "slots")
        same = same || one.value == asked->value || core::member(one.value, "port") == asked->value;
  if (same) draft.drop(path);
}

// A source may say where nginx runs, and not which file of it is written.
void complete_proxy(Draft& draft, const std::string& service) {
  const auto says = [&](const char* key) { return draft.has({"proxy", "nginx", key}); };
  if (draft.has({"proxy"}) && (!draft.has({"proxy", "nginx"}) || says("include") || says("sites"))) return;
  // On the host no folder that others write to; a container mounts this one as a rule.
  const bool mounted = says("container");
  draft.guess({"proxy", "nginx", "include"},
              fmt::format("/etc/nginx/{}/{}.inc", mounted ? "conf.d" : "bgdeploy", service),
              mounted ? "a file of bgdeploy's own, in a folder that the container mounts from the "
                        "host; the site has to include it"
                      : "a file of bgdeploy's own; the site has to include it");
}

void fill(Draft& draft, const std::string& folder) {
  complete_name(draft, folder);
  const std::string service = draft.text({"service"});
  if (!draft.has({"hosts", "app"}))
    draft.fill_in({"hosts", "app"}, Json::array({"deploy@host.example.com"}),
                  "where it runs: [user@]host[:port], an alias of ~/.ssh/config, or local");
  // A list names the slots of a worker: to those nothing is sent.
  const Finding* slots = draft.find({"slots"});
  const bool worker = slots != nullptr && slots->value.is_array();
  if (!worker && slots_in(draft) != 2) {
    draft.drop({"slots"});
    draft.guess({"slots", "blue"}, 8081, "any two free ports of the host");
    draft.say({"slots", "green"}, 8082);
  }
  if (draft.has({"compose"})) {
    draft.drop({"docker"});
    complete_project(draft, folder);
  } else if (!worker && !draft.has({"docker", "container_port"})) {
    draft.note("`docker.container_port`: needed where the image exposes no port, or several");
  }
  settle_health_port(draft);
  if (worker && !draft.has({"health"}))
    draft.say({"health", "running", "for"}, "10s", "docker has run it for that long without an end");
  constexpr const char* k_kinds[] = {"http", "tcp", "docker", "exec", "running"};
  if (std::ranges::none_of(k_kinds, [&](const char* kind) { return draft.has({"health", kind}); }))
    draft.guess({"health", "http", "path"}, "/", "no source names a path that tells health");
  complete_proxy(draft, service);
}

using Errors = std::vector<std::string>;

// What the loader says of the draft, without places in it; nothing: it takes the draft.
Errors errors_in(const Draft& draft) {
  const std::string text = write(draft);
  const auto home = [](std::string_view name) {
    return name == "HOME" ? std::optional<std::string>("/") : std::nullopt;
  };
  const auto spec = spec::load({"/bgdeploy.yml", text}, "", with_required(text, home));
  Errors errors;
  if (spec) return errors;
  constexpr std::string_view k_file = "/bgdeploy.yml:";  // before line, column and message; else a line of it
  for (const std::string& line : spec.error().details)
    if (line.starts_with(k_file)) errors.push_back(line.substr(std::min(line.find(": ") + 2, line.size())));
  if (errors.empty()) errors.push_back(spec.error().message);
  return errors;
}

// What only the first ones say.
std::string first_beyond(const Errors& errors, const Errors& others) {
  const auto found = std::ranges::find_if(
      errors, [&](const auto& one) { return std::ranges::find(others, one) == others.end(); });
  return found == errors.end() ? std::string() : *found;
}

// What may be dropped: each finding, then the sections that they stand in, the smaller ones first, since a
// section may lack what its keys need together.
std::vector<Path> droppable(const Draft& draft) {
  std::vector<Path> paths;
  for (const Finding& finding : draft.findings()) paths.push_back(finding.path);
  for (const std::size_t length : {2U, 1U})
    for (const Finding& finding : draft.findings()) {
      if (finding.path.size() <= length) continue;
      Path section(finding.path.begin(), finding.path.begin() + length);
      if (std::ranges::find(paths, section) == paths.end()) paths.push_back(std::move(section));
    }
  return paths;
}

// "NAME" of each "${NAME:?why}".
std::vector<std::string> required_in(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 1)) {
    const std::string_view name = text.substr(at + 2, text.find_first_of(":}", at) - at - 2);
    const bool escaped = at > 0 && text[at - 1] == '$';
    if (!escaped && text.substr(at + 2 + name.size()).starts_with(":?")) names.emplace_back(name);
  }
  return names;
}

// A list of things that mean something without each other: not the words of a command.
bool is_set(const Finding& finding) {
  constexpr std::string_view k_keys[] = {"volumes",  "networks", "extra_hosts", "cap_add",
                                         "cap_drop", "tmpfs",    "env_file"};
  return finding.value.is_array() && finding.path[0] == "docker" &&
         std::ranges::find(k_keys, finding.path.back()) != std::end(k_keys);
}

// Texts of the app's own, any of which may be a secret that nothing tells to be one.
bool is_of_the_app(const Path& path) {
  constexpr std::string_view k_keys[] = {"environment", "labels", "command", "entrypoint", "logging", "args"};
  return path[0] == "secrets" || std::ranges::any_of(path, [&](const std::string& key) {
           return std::ranges::find(k_keys, key) != std::end(k_keys);
         });
}

// `value`: as it was found, null for a section. `why`: as the loader says it, maybe with the value.
void tell_refused(Draft& draft, const Path& path, const Json& value, std::string why) {
  std::string found = value.is_null()     ? ""
                      : value.is_string() ? value.get<std::string>()
                                          : core::dump_json(value);
  if (is_of_the_app(path) || masked(value) != value) {
    if (why.contains(found)) why.clear();
    found.clear();
  }
  draft.note(fmt::format("`{}{}{}`, which was found, but which is no value that it can have{}{}",
                         fmt::join(path, "."), found.empty() ? "" : ": ", found, why.empty() ? "" : ": ",
                         why));
}

// Of a list the item that the loader refuses, so that the others stay.
std::optional<Draft> without_refused_item(const Draft& draft, const Finding& finding, const Errors& before) {
  for (std::size_t i = 0; i < finding.value.size() && finding.value.size() > 1; ++i) {
    Draft without = draft;
    Json rest = finding.value;
    rest.erase(i);
    without.change(finding.path, std::move(rest), finding.comment);
    const Errors after = errors_in(without);
    if (after.size() >= before.size()) continue;
    tell_refused(without, finding.path, finding.value[i], first_beyond(before, after));
    return without;
  }
  return std::nullopt;
}

// What has its name from the service's, and was not found.
void drop_named_after(Draft& draft, const std::string& service) {
  for (const auto& [path, end] :
       {std::pair(Path{"proxy", "nginx", "include"}, ".inc"), std::pair(Path{"image"}, "")}) {
    const Finding* found = draft.find(path);
    const bool made =
        found != nullptr && (found->comment.starts_with("guessed") || found->comment.starts_with("FILL"));
    if (made && draft.text(path).ends_with("/" + service + end)) draft.drop(path);
  }
}

// The draft without what the loader refuses, if there is such a thing.
std::optional<Draft> without_refused(const Draft& draft, const std::string& folder) {
  const Errors before = errors_in(draft);
  for (const Path& path : droppable(draft)) {
    Draft without = draft;
    without.drop(path);
    if (path == Path{"service"}) drop_named_after(without, draft.text(path));
    fill(without, folder);
    const Errors after = errors_in(without);
    if (after.size() >= before.size()) continue;
    const Finding* finding = draft.find(path);
    if (finding != nullptr && is_set(*finding))
      if (auto better = without_refused_item(draft, *finding, before)) return better;
    tell_refused(without, path, finding == nullptr ? Json() : finding->value, first_beyond(before, after));
    return without;
  }
  return std::nullopt;
}

}  // namespace

spec::Environment with_required(std::string_view text, spec::Environment variables) {
  const auto names = required_in(text);
  return [required = std::set<std::string, std::less<>>(names.begin(), names.end()),
          variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    if (auto value = variables(name); value && !value->empty()) return value;
    return required.contains(name) ? std::optional<std::string>("8080") : variables(name);
  };
}

Unset unset_variables(const Draft& draft, const spec::Environment& variables) {
  Unset unset;
  const auto is_set = [&](const std::string& name) { return variables(name).value_or("") != ""; };
  for (const Finding& finding : draft.findings()) {
    for (std::string& name : required_in(core::dump_json(finding.value)))
      if (!is_set(name)) add_once(unset.required, std::move(name));
    // "NAME", and "${OTHER:-NAME}", which another variable may name.
    std::string name = core::text_of(finding.value, "env");
    if (name.starts_with("${")) {
      const std::string other = name.substr(2, name.find_first_of(":}") - 2);
      const std::size_t begin = name.find(":-");
      name = is_set(other)                ? *variables(other)
             : begin == std::string::npos ? ""
                                          : name.substr(begin + 2, name.find('}') - begin - 2);
    }
    if (!name.empty() && !variables(name)) add_once(unset.secrets, std::move(name));
  }
  std::erase_if(unset.secrets, [&](const std::string& name) {
    return std::ranges::find(unset.required, name) != unset.required.end();
  });
  return unset;
}

void complete(Draft& draft, const std::string& folder) {
  constexpr int k_most = 32;
  hide_secrets(draft);
  fill(draft, folder);
  for (int i = 0; i < k_most && !errors_in(draft).empty(); ++i) {
    auto better = without_refused(draft, folder);
    if (!better) return;
    draft = std::move(*better);
  }
}

}  // namespace bgdeploy::init
