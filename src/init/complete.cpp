// What no source said: what is usual, or a stand-in that says what has to stand there.
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/init/draft.hpp"
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
  if (!draft.has({"health"}))
    draft.guess({"health", "http", "path"}, "/", "no source names a path that tells health");
  complete_proxy(draft, service);
}

// How many lines the loader's errors have; 0: it takes the draft.
std::size_t errors_in(const Draft& draft) {
  const std::string text = write(draft);
  const auto home = [](std::string_view name) {
    return name == "HOME" ? std::optional<std::string>("/") : std::nullopt;
  };
  const auto spec = spec::load({"/bgdeploy.yml", text}, "", with_required(text, home));
  return spec ? 0 : spec.error().details.size() + 1;
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

// A list of things that mean something without each other: not the words of a command.
bool is_set(const Finding& finding) {
  constexpr std::string_view k_keys[] = {"volumes",  "networks", "extra_hosts", "cap_add",
                                         "cap_drop", "tmpfs",    "env_file"};
  return finding.value.is_array() && finding.path[0] == "docker" &&
         std::ranges::find(k_keys, finding.path.back()) != std::end(k_keys);
}

void tell_refused(Draft& draft, std::string_view what) {
  draft.note(fmt::format("{}, which was found, but which is no value that it can have", what));
}

// Of a list the item that the loader refuses, so that the others stay.
std::optional<Draft> without_refused_item(const Draft& draft, const Finding& finding, std::size_t before) {
  for (std::size_t i = 0; i < finding.value.size() && finding.value.size() > 1; ++i) {
    Draft without = draft;
    Json rest = finding.value;
    rest.erase(i);
    without.change(finding.path, std::move(rest), finding.comment);
    if (errors_in(without) >= before) continue;
    tell_refused(without, fmt::format("`{}: {}`", fmt::join(finding.path, "."),
                                      finding.value[i].is_string() ? finding.value[i].get<std::string>()
                                                                   : core::dump_json(finding.value[i])));
    return without;
  }
  return std::nullopt;
}

// The draft without what the loader refuses, if there is such a thing.
std::optional<Draft> without_refused(const Draft& draft, const std::string& folder) {
  const std::size_t before = errors_in(draft);
  for (const Path& path : droppable(draft)) {
    Draft without = draft;
    without.drop(path);
    fill(without, folder);
    if (errors_in(without) >= before) continue;
    if (const Finding* finding = draft.find(path); finding != nullptr && is_set(*finding))
      if (auto better = without_refused_item(draft, *finding, before)) return better;
    tell_refused(without, fmt::format("`{}`", fmt::join(path, ".")));
    return without;
  }
  return std::nullopt;
}

}  // namespace

spec::Environment with_required(std::string_view text, spec::Environment variables) {
  std::set<std::string, std::less<>> required;
  for (std::size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 1)) {
    const std::string_view name = text.substr(at + 2, text.find_first_of(":}", at) - at - 2);
    if (text.substr(at + 2 + name.size()).starts_with(":?")) required.emplace(name);
  }
  return [required = std::move(required),
          variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    if (auto value = variables(name); value && !value->empty()) return value;
    return required.contains(name) ? std::optional<std::string>("8080") : variables(name);
  };
}

std::vector<std::string> unset_variables(const Draft& draft, const spec::Environment& variables) {
  std::vector<std::string> names;
  for (const Finding& finding : draft.findings())
    if (std::string name = core::text_of(finding.value, "env"); !name.empty() && !variables(name))
      add_once(names, std::move(name));
  return names;
}

void complete(Draft& draft, const std::string& folder) {
  constexpr int k_most = 32;
  fill(draft, folder);
  for (int i = 0; i < k_most && errors_in(draft) > 0; ++i) {
    auto better = without_refused(draft, folder);
    if (!better) return;
    draft = std::move(*better);
  }
}

}  // namespace bgdeploy::init
