// Calling compose on the host.
#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "compose/compose_runtime.hpp"

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;

constexpr auto k_compose_end = std::chrono::seconds(10);
constexpr std::size_t k_compose_lines = 20;

// Runs the script of $1 bytes that stands on stdin, in a process group of its own. When stdin ends, the
// deployer has gone or has had enough: then compose is ended too, so that it creates nothing behind anybody's
// back.
constexpr std::string_view k_supervisor = R"sh(exec 3<&0
script=$(head -c "$1")
printf '%s\n' "$script" | setsid sh -s 3<&- &
child=$!
(
  read -r _ <&3
  kill -s TERM -- "-$child"
  sleep 5
  kill -s KILL -- "-$child"
) >/dev/null 2>&1 &
watch=$!
wait "$child"
code=$?
kill "$watch" 2>/dev/null
exit "$code"
)sh";

// One line a candidate that answers: its place in the list, and what it says of its version.
constexpr std::string_view k_candidates = R"sh(
if v=$(docker compose version 2>/dev/null </dev/null); then printf 'docker compose\n%s\n' "$v"; exit 0; fi
if v=$(docker-compose version 2>/dev/null </dev/null); then printf 'docker-compose\n%s\n' "$v"; exit 0; fi
exit 1
)sh";

// Without what it only warns of, and without the words of what went well.
std::vector<std::string> complaints(const std::string& text) {
  std::vector<std::string> lines;
  for (const auto& line : core::split_lines(core::printable(text, true))) {
    const bool noise = core::trim(line).empty() || line.find("level=warning") != std::string::npos;
    if (!noise) lines.push_back(line);
  }
  if (lines.size() > k_compose_lines) lines.erase(lines.begin(), lines.end() - k_compose_lines);
  return lines;
}

}  // namespace

Result<std::vector<std::string>> ComposeRuntime::program(const Wait& wait) {
  {
    const std::lock_guard lock(m_mutex);
    if (!m_program.empty()) return m_program;
  }
  std::vector<std::string> program;
  std::string version;
  if (m_on.spec.compose && m_on.spec.compose->command) {
    program = *m_on.spec.compose->command;
    auto argv = program;
    argv.emplace_back("version");
    BGDEPLOY_ASSIGN(auto output, m_on.host.run({argv, host::Tool::docker, ""}, wait));
    if (!output.ok())
      return core::fail(
          ErrorKind::refused,
          fmt::format("compose.command does not work on {}: {}", m_on.host.name(), core::shell_join(program)),
          complaints(output.err));
    version = std::move(output.out);
  } else {
    BGDEPLOY_ASSIGN(const auto output,
                    m_on.host.run({{"sh", "-c", std::string(k_candidates)}, host::Tool::docker, ""}, wait));
    if (!output.ok()) {
      // The candidates' own complaints are not in it: these are the words of what could not start a shell.
      auto details = complaints(output.err);
      details.emplace_back(
          "neither `docker compose` nor `docker-compose` answers there; install one, or say in "
          "compose.command "
          "what to call");
      return core::fail(ErrorKind::refused, fmt::format("there is no docker compose on {}", m_on.host.name()),
                        std::move(details));
    }
    const auto newline = output.out.find('\n');
    program = output.out.starts_with("docker compose\n") ? std::vector<std::string>{"docker", "compose"}
                                                         : std::vector<std::string>{"docker-compose"};
    version = output.out.substr(newline + 1);
  }
  auto known = compose_version(version);
  if (!known) return std::unexpected(std::move(known).error().within(m_on.host.name()));
  const std::lock_guard lock(m_mutex);
  m_version = std::move(*known);
  m_program = program;
  return program;
}

Result<ComposeCall> ComposeRuntime::call_for(std::size_t slot, const plan::Launch& launch,
                                             std::vector<std::string> arguments, const Wait& wait) {
  BGDEPLOY_ASSIGN(auto program, this->program(wait));
  BGDEPLOY_ASSIGN(auto environment,
                  compose_environment(m_on.spec, slot, launch, m_on.placement, m_on.secrets));
  const auto& [settings, files, beside] = std::get<plan::ComposeLaunch>(launch.with);
  const auto values =
      plan::substitutions(m_on.spec, slot, launch.release.tag, m_on.placement.host, m_on.placement.address);
  return ComposeCall{.program = std::move(program),
                     .folder = fmt::format("{}/compose/{}", m_on.spec.service, m_on.spec.slots.at(slot).name),
                     .file = files.at(slot),
                     .remote_file = core::substitute(settings.remote_file, values),
                     .second_file = {},
                     .keep = false,
                     .beside = beside.at(slot),
                     .project = core::substitute(settings.project, values),
                     .environment = std::move(environment),
                     .arguments = std::move(arguments)};
}

Result<std::string> ComposeRuntime::run(const ComposeCall& call, const Wait& wait) {
  const auto script = compose_script(call);
  const auto length = std::to_string(script.reveal().size());
  BGDEPLOY_ASSIGN(
      const auto process,
      m_on.host.start(
          {{"sh", "-c", std::string(k_supervisor), "bgdeploy", length}, host::Tool::docker, script.reveal()},
          wait));
  auto output = process->finish(wait);
  if (!output) {
    // It is told to end, and has ended before anybody looks at what it left.
    if (process->close_input()) (void)process->finish(Wait::for_at_most(k_compose_end));
    return std::unexpected(std::move(output).error());
  }
  if (output->ok()) return std::move(output->out);
  auto lines = complaints(output->err);
  return core::fail(ErrorKind::refused,
                    fmt::format("{} {} failed with exit code {}", core::shell_join(call.program),
                                call.arguments.front(), output->exit_code),
                    std::move(lines));
}

Result<std::vector<spec::ComposeService>> ComposeRuntime::services(std::size_t slot,
                                                                   const plan::Launch& launch,
                                                                   const std::string& service,
                                                                   const Wait& wait) {
  BGDEPLOY_ASSIGN(auto call, call_for(slot, launch, {"config"}, wait));
  const auto asked = [&]() -> Result<std::string> {
    auto text = run(call, wait);
    if (text) return text;
    auto error = std::move(text).error().within(
        fmt::format("{}: the compose file of slot {}", m_on.host.name(), m_on.spec.slots.at(slot).name));
    if (m_on.spec.compose && !m_on.spec.compose->remote_file.empty())
      error.next = "compose.remote_file must be on the app host already; compose.file is sent there";
    return std::unexpected(std::move(error));
  };
  BGDEPLOY_ASSIGN(const auto text, asked());
  BGDEPLOY_ASSIGN(auto found, spec::read_compose_config(text));
  if (service.empty() || std::ranges::find(found, service, &spec::ComposeService::name) != found.end())
    return found;
  // v2 leaves out what only a profile starts; `up NAME` would start it.
  call.arguments = {"config", "--profiles"};
  const auto profiles = run(call, wait);
  if (!profiles) return found;
  for (const auto& line : core::split_lines(*profiles))
    if (!core::trim(line).empty()) call.profiles.emplace_back(core::trim(line));
  if (call.profiles.empty()) return found;
  call.arguments = {"config"};
  BGDEPLOY_ASSIGN(const auto whole, asked());
  return spec::read_compose_config(whole);
}

Result<spec::ComposeService> ComposeRuntime::service_of(std::size_t slot, const plan::Launch& launch,
                                                        const Wait& wait) {
  if (!std::holds_alternative<plan::ComposeLaunch>(launch.with))
    return core::fail(ErrorKind::unsupported,
                      fmt::format("{} ran without compose: it cannot be created again by it",
                                  plan::describe(launch.release)));
  const auto& compose = std::get<plan::ComposeLaunch>(launch.with);
  {
    const std::lock_guard lock(m_mutex);
    const auto& known = m_known.at(slot);
    if (known && known->compose == compose && known->tag == launch.release.tag) return known->service;
  }
  const auto& settings = compose.settings;
  const auto values =
      plan::substitutions(m_on.spec, slot, launch.release.tag, m_on.placement.host, m_on.placement.address);
  BGDEPLOY_ASSIGN(
      const auto found,
      services(slot, launch, settings.service ? core::substitute(*settings.service, values) : "", wait));
  // What only a profile starts is not there unless it is named.
  const auto starts = [](const spec::ComposeService& one) { return one.profiles.empty(); };
  std::string names;
  for (const auto& service : found) names += (names.empty() ? "" : ", ") + core::printable(service.name);
  const auto of_slot = fmt::format("the compose file of slot {}", m_on.spec.slots.at(slot).name);
  const spec::ComposeService* service = nullptr;
  if (settings.service) {
    const auto name = core::substitute(*settings.service, values);
    const auto match = std::ranges::find(found, name, &spec::ComposeService::name);
    if (match == found.end())
      return core::fail(ErrorKind::usage,
                        fmt::format("{} has no service {}; there are: {}", of_slot, name, names));
    service = &*match;
  } else if (std::ranges::count_if(found, starts) == 1) {
    service = &*std::ranges::find_if(found, starts);
  } else {
    return core::fail(
        ErrorKind::usage,
        fmt::format("{} has {} services ({}): say in compose.service which one answers health checks",
                    of_slot, found.size(), names));
  }
  const std::lock_guard lock(m_mutex);
  m_known[slot] = Known{compose, launch.release.tag, *service, found};
  return *service;
}

// Told before anything is touched: a release that nobody can reach would only fail its health check.
Result<void> ComposeRuntime::check_service(std::size_t slot, const spec::ComposeService& service) const {
  if (spec::is_worker(m_on.spec)) return {};
  const auto& own = m_on.spec.slots.at(slot);
  const auto told = plan::proxy_kind(m_on.spec).told(m_on.spec);
  const bool elsewhere = told.address || told.port || service.network_mode == "host";
  const auto holds = [&](const spec::ComposePort& port) {
    return port.first <= own.port && own.port <= port.last;
  };
  const auto range = std::ranges::find_if(service.published, holds);
  if (range != service.published.end() && range->first != range->last)
    return core::fail(
        ErrorKind::usage,
        fmt::format("service {} of slot {} publishes any of the ports {}-{}, and the slot's is {}",
                    service.name, own.name, range->first, range->last, own.port),
        {"docker would pick what is free: write \"${BGDEPLOY_PORT}:CONTAINER_PORT\" below its `ports:`"});
  if (elsewhere || range != service.published.end()) return {};
  return core::fail(
      ErrorKind::usage,
      fmt::format("service {} of slot {} does not publish port {}", service.name, own.name, own.port),
      {fmt::format(
          "nginx and the health check find the slot there: write \"{}:CONTAINER_PORT\" below its "
          "`ports:` in the compose file, or \"${{BGDEPLOY_PORT}}:CONTAINER_PORT\" in one file for both",
          own.port)});
}

Result<void> ComposeRuntime::up(std::size_t slot, const plan::Launch& launch,
                                const spec::ComposeService& service, const Wait& wait) {
  std::vector<std::string> arguments{"up", "-d", "--no-build"};
  // In a project of both slots nothing that is there already may change; what the service depends on is
  // started where it is not.
  if (shared()) {
    arguments.insert(arguments.end(), {"--no-recreate", service.name});
  } else if (!service.profiles.empty()) {
    // To enable its profile would start what else has that one.
    arguments.push_back(service.name);
    const std::lock_guard lock(m_mutex);
    for (const auto& other : m_known.at(slot) ? m_known[slot]->all : std::vector<spec::ComposeService>{})
      if (other.profiles.empty()) arguments.push_back(other.name);
  }
  BGDEPLOY_ASSIGN(auto call, call_for(slot, launch, std::move(arguments), wait));
  call.keep = true;
  call.second_file =
      compose_override(m_on.spec, slot, launch, service, m_on.secrets, proxies_label(m_on.spec));
  BGDEPLOY_TRY(run(call, wait));
  return {};
}

// What the second file would change in a container that somebody else's `compose up` made.
std::vector<std::string> ComposeRuntime::differences_beside_files(std::size_t slot,
                                                                  const plan::Launch& launch,
                                                                  const engine::Container& container) const {
  std::vector<std::string> found;
  if (value_of(container.labels, compose_label::k_project) != project(slot)) found.emplace_back("project");
  if (m_on.spec.compose->named.at(slot) && container.name != m_on.spec.slots.at(slot).container)
    found.emplace_back("container");
  const auto inspected = core::Json::parse(container.json, nullptr, false);
  const auto environment = core::texts_of(core::member(inspected, "Config"), "Env");
  for (const auto& [name, value] : secrets_of(launch, m_on.secrets))
    if (std::ranges::find(environment, name + "=" + value.reveal()) == environment.end())
      found.push_back("environment " + name);
  return found;
}

Result<std::vector<std::string>> ComposeRuntime::compare(std::size_t slot, const plan::Launch& launch,
                                                         const engine::Container& container,
                                                         const engine::Image& image, const Wait& wait) {
  const plan::Container there = m_containers.described(container);
  const auto wanted = image_reference(launch.release);
  const bool same_image =
      there.managed
          ? there.release.digest == launch.release.digest && there.release.image == launch.release.image
          : std::ranges::find(image.repo_digests, wanted) != image.repo_digests.end() ||
                launch.release.digest == std::string(plan::k_sent) + image.id.substr(image.id.find(':') + 1);
  if (!same_image) return std::vector<std::string>{"image"};
  // Compose hashes what a container is made from, our labels and ${TAG} too.
  BGDEPLOY_ASSIGN(const auto service, service_of(slot, launch, wait));
  plan::Launch same = launch;
  if (there.managed) same.release = there.release;
  BGDEPLOY_ASSIGN(auto call, call_for(slot, same, {"config", "--hash", service.name}, wait));
  call.only_if_same = true;
  call.profiles = service.profiles;
  // What somebody else started has nothing of the second file; its secrets may be there in another way.
  if (there.managed)
    call.second_file = compose_override(m_on.spec, slot, same, service, m_on.secrets,
                                        value_of(container.labels, label::k_proxies));
  else if (auto found = differences_beside_files(slot, launch, container); !found.empty())
    return found;
  const auto hash = value_of(container.labels, compose_label::k_hash);
  const auto is_same = [&]() -> Result<bool> {
    BGDEPLOY_ASSIGN(const auto output, run(call, wait));
    const auto lines = core::split_lines(output);
    return !hash.empty() && std::ranges::find(lines, service.name + " " + hash) != lines.end();
  };
  BGDEPLOY_ASSIGN(bool same_hash, is_same());
  const auto is_v1 = [&] {
    const std::lock_guard lock(m_mutex);
    return m_version.front() == 1;
  };
  if (!same_hash && !is_v1()) {
    // v2's `config --hash` leaves an env_file as it is, where `up` hashes what is in it.
    call.resolved = true;
    BGDEPLOY_ASSIGN(same_hash, is_same());
  }
  if (same_hash) return std::vector<std::string>{};
  return std::vector<std::string>{"compose file, environment or secrets"};
}

}  // namespace bgdeploy::runtime
