#include "compose/one_off_request.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "compose/compose_runtime.hpp"
#include "one_off.hpp"

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;
using core::Json;
using core::member;
using core::text_of;

constexpr std::string_view k_compose_labels = "com.docker.compose.";
constexpr const char* k_working_dir = "com.docker.compose.project.working_dir";
// What compose creates is called as the container that is made like it, and this.
constexpr std::string_view k_made = ".made";

std::string prefix_of_runs(const spec::Spec& spec) {
  return spec.service + "-run-";
}

bool is_uploaded(const OneOffFiles& files, std::string_view path) {
  const auto below = [](std::string_view one, std::string_view other) {
    return one == other || (one.starts_with(other) && one[other.size()] == '/');
  };
  return path.empty() || std::ranges::any_of(files.uploaded, [&](const plan::ComposeFile& file) {
           return below(file.path, path) || below(path, file.path);
         });
}

// The source of a mount.
std::string placed(const OneOffFiles& files, const std::string& source) {
  if (files.folder.empty() || !source.starts_with(files.folder + "/")) return source;
  const auto path = source.substr(files.folder.size() + 1);
  if (is_uploaded(files, path)) return source;
  return files.folder.substr(0, files.folder.rfind('/') + 1) + files.slot + "/" + path;
}

void settle_mounts(const OneOffFiles& files, Json& body, Json& host) {
  Json binds = Json::array(), mounts = Json::array();
  for (const auto& bind : core::texts_of(host, "Binds")) {
    const auto colon = std::min(bind.find(':'), bind.size());
    if (bind.substr(0, colon) != k_never_mounted)
      binds.push_back(placed(files, bind.substr(0, colon)) + bind.substr(colon));
  }
  if (const Json& all = member(host, "Mounts"); all.is_array())
    for (Json mount : all) {
      if (text_of(mount, "Source") == k_never_mounted) continue;
      if (text_of(mount, "Type") == "bind") mount["Source"] = placed(files, text_of(mount, "Source"));
      mounts.push_back(std::move(mount));
    }
  host["Binds"] = std::move(binds);
  host["Mounts"] = std::move(mounts);
  if (member(body, "Volumes").is_object()) body["Volumes"].erase(std::string(k_never_mounted));
}

// In the first one it is created. Its addresses and names there are the slot's, and stay away.
std::vector<std::string> networks_of(const Json& networks, const std::string& mode, Json& body) {
  std::vector<std::string> names;
  if (!networks.is_object() || !networks.contains(mode)) return names;
  names.push_back(mode);
  for (const auto& [name, unused] : networks.items())
    if (name != mode) names.push_back(name);
  if (is_builtin_network(mode)) return names;
  Json endpoint = Json::object();
  if (const Json& links = member(networks[mode], "Links"); links.is_array()) endpoint["Links"] = links;
  body["NetworkingConfig"]["EndpointsConfig"][mode] = std::move(endpoint);
  return names;
}

}  // namespace

core::Result<ContainerRequest> request_like(std::string_view made, const std::string& name,
                                            const std::map<std::string, std::string>& labels,
                                            const OneOffFiles& files, engine::Console* console) {
  BGDEPLOY_ASSIGN(const auto answer, core::parse_json(made, "docker's answer"));
  Json body = member(answer, "Config"), host = member(answer, "HostConfig");
  if (!body.is_object() || !host.is_object())
    return core::fail(ErrorKind::refused, "docker's answer has no configuration");
  for (const char* own : {"Hostname", "Domainname", "MacAddress"}) body.erase(own);
  Json all = labels;
  for (const auto& [key, value] : core::strings_of(body, "Labels"))
    if (key.starts_with(k_compose_labels)) all[key] = value;
  body["Labels"] = std::move(all);
  settle_mounts(files, body, host);
  const auto mode = text_of(host, "NetworkMode");
  auto networks = networks_of(member(member(answer, "NetworkSettings"), "Networks"), mode, body);
  body["HostConfig"] = std::move(host);
  make_one_off(body, console);
  return ContainerRequest{name, core::Secret(core::dump_json(body)), std::move(networks)};
}

// Whether the files of the slot are those of the release.
Result<bool> ComposeRuntime::runs(std::size_t slot, const plan::Release& release, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto list, m_on.client->list_containers(wait));
  const auto own = std::ranges::find(list, own_container(slot, list), &engine::ContainerSummary::id);
  return own != list.end() && !release.id.empty() && value_of(own->labels, label::k_release) == release.id;
}

Result<ContainerRequest> ComposeRuntime::made_by_compose(const Request& request, const std::string& name,
                                                         const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto service, service_of(request.slot, request.launch, wait));
  const auto made_name = name + std::string(k_made);
  std::vector<std::string> arguments{"run", "-d", "--no-deps", "--name", made_name, service.name};
  arguments.insert(arguments.end(), request.argv.begin(), request.argv.end());
  BGDEPLOY_ASSIGN(auto call, call_for(request.slot, request.launch, std::move(arguments), wait));
  call.profiles = service.profiles;
  call.second_file = compose_one_off_override(m_on.spec, request, service, m_on.secrets);
  BGDEPLOY_ASSIGN(call.in_place, runs(request.slot, request.launch.release, wait));
  if (call.remote_file.empty()) call.other_folder = call.folder;
  const bool apart = !call.beside.empty() && !call.in_place;
  if (apart) {
    call.folder = fmt::format("{}/compose/{}", m_on.spec.service, name);
    call.keep = true;
  }
  // Docker refuses to start it, so compose fails.
  const auto ran = run(call, wait);
  const auto made = m_on.client->inspect_container(made_name, Wait::for_at_most(k_cleanup));
  if (made) m_containers.discard(made->id);
  if (!ran && may_have_happened(ran.error().kind)) return std::unexpected(ran.error());
  if (!made) return std::unexpected(ran ? made.error() : ran.error());
  if (made->status != "created")
    return core::fail(ErrorKind::unsupported,
                      fmt::format("{}: the engine starts what compose was only to create", m_on.host.name()));
  OneOffFiles files{apart ? value_of(made->labels, k_working_dir) : std::string(),
                    m_on.spec.slots.at(request.slot).name, std::move(call.beside)};
  return request_like(made->json, name, one_off_labels(m_on.spec, request), files, request.console);
}

Result<int> ComposeRuntime::run_once(const Request& request, const Output& output, const Wait& wait) {
  if (m_on.client->podman())
    return core::fail(ErrorKind::unsupported,
                      fmt::format("{}: one-off containers of compose need docker, and the engine is Podman",
                                  m_on.host.name()),
                      {},
                      "bgdeploy exec runs a command in the live container; hooks there are `run` or `host`, "
                      "not `container`");
  const auto name = one_off_name(m_on.spec);
  const auto container = made_by_compose(request, name, wait);
  auto exit_code = container ? OneOffContainer(*m_on.client, output).run(*container, request.console, wait)
                             : Result<int>(std::unexpected(container.error()));
  const auto end = Wait::for_at_most(k_cleanup);
  if (!shared())
    (void)m_on.client->remove_unused_networks(compose_label::k_project, project(request.slot), end);
  if (!std::get<plan::ComposeLaunch>(request.launch.with).beside.at(request.slot).empty())
    (void)forget({name}, end);
  return exit_code;
}

Result<void> ComposeRuntime::forget(const std::vector<std::string>& gone, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto list, m_on.client->list_containers(wait));
  std::vector<std::string> there;
  for (const auto& entry : list)
    if (entry.labels.contains(label::k_one_off) && !entry.names.empty()) there.push_back(entry.names.front());
  const auto argv = forget_folders(m_on.spec.service, prefix_of_runs(m_on.spec), there, gone);
  BGDEPLOY_TRY(m_on.host.run({argv, host::Tool::docker, ""}, wait));
  return {};
}

Result<std::vector<std::string>> ComposeRuntime::remove_leftovers(
    const std::function<bool(const std::string&)>& ended, const Wait& wait) {
  BGDEPLOY_ASSIGN(auto removed, remove_one_offs(m_on, ended, wait));
  for (std::size_t slot = 0; !removed.empty() && !shared() && slot < 2; ++slot)
    BGDEPLOY_TRY(m_on.client->remove_unused_networks(compose_label::k_project, project(slot), wait));
  if (m_on.spec.compose->file.empty()) return removed;
  auto folders = removed;
  for (auto& name : folders)
    if (name.ends_with(k_made)) name.resize(name.size() - k_made.size());
  BGDEPLOY_TRY(forget(folders, wait));
  return removed;
}

}  // namespace bgdeploy::runtime
