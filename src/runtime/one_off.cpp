#include "one_off.hpp"

#include <fmt/format.h>

#include <random>
#include <thread>

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;
using core::Json;

// What docker says of a command that cannot be run, or is not there.
constexpr int k_not_executable = 126, k_no_command = 127;

// Of one environment: others of the service on the same host have other ports or other names.
std::string beside_slots(const spec::Spec& spec) {
  std::string text;
  for (const auto& slot : spec.slots)
    text += fmt::format("{}{}:{}", text.empty() ? "" : " ", slot.container, slot.port);
  return text;
}

}  // namespace

std::string one_off_name(const spec::Spec& spec) {
  return fmt::format("{}-run-{:08x}", spec.service, std::random_device{}());
}

std::map<std::string, std::string> one_off_labels(const spec::Spec& spec, const OneOff::Request& request) {
  const auto& release = request.launch.release;
  return {{label::k_service, spec.service},
          {label::k_image, release.image},
          {label::k_tag, release.tag},
          {label::k_digest, release.digest},
          {label::k_one_off, request.purpose},
          {label::k_one_off_lock, request.lock},
          {label::k_one_off_of, beside_slots(spec)}};
}

void make_one_off(Json& body, engine::Console* console) {
  const bool input = console != nullptr && console->input() >= 0;
  const auto window = console != nullptr ? console->window() : std::nullopt;
  body["AttachStdin"] = body["OpenStdin"] = body["StdinOnce"] = input;
  body["AttachStdout"] = body["AttachStderr"] = true;
  body["Tty"] = window.has_value();
  body["Healthcheck"] = {{"Test", {"NONE"}}};
  body.erase("ExposedPorts");
  Json& host = body["HostConfig"];
  host.erase("PortBindings");
  host["PublishAllPorts"] = false;
  host["RestartPolicy"] = {{"Name", "no"}};
  if (window) host["ConsoleSize"] = {window->rows, window->columns};
}

Result<std::vector<std::string>> remove_one_offs(const EngineHost& on,
                                                 const std::function<bool(const std::string&)>& ended,
                                                 const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto list, on.client->list_containers(wait));
  const auto own = beside_slots(on.spec);
  std::map<std::string, bool> free;  // by lock
  std::vector<std::string> removed;
  for (const auto& entry : list) {
    if (value_of(entry.labels, label::k_service) != on.spec.service ||
        value_of(entry.labels, label::k_one_off_of) != own)
      continue;
    const auto lock = value_of(entry.labels, label::k_one_off_lock);
    const auto [known, is_new] = free.try_emplace(lock, false);
    if (is_new) known->second = ended(lock);
    if (!known->second) continue;
    const auto gone = on.client->remove_container(entry.id, {.force = true, .anonymous_volumes = true}, wait);
    // Somebody else may be removing it, too.
    const bool done =
        gone || gone.error().kind == ErrorKind::not_found || gone.error().kind == ErrorKind::conflict;
    if (!done) return std::unexpected(gone.error());
    removed.push_back(entry.names.empty() ? entry.id : entry.names.front());
  }
  return removed;
}

Result<int> OneOffContainer::run(const ContainerRequest& request, engine::Console* console,
                                 const Wait& wait) {
  auto created = m_client.create_container(request.name, request.body.reveal(), wait);
  if (!created) {
    if (may_have_happened(created.error().kind)) discard(request.name);
    return std::unexpected(std::move(created).error());
  }
  m_id = std::move(*created);
  auto exit_code = start_and_join(request, console, wait);
  if (!exit_code &&
      (exit_code.error().kind == ErrorKind::timeout || exit_code.error().kind == ErrorKind::cancelled))
    exit_code = std::unexpected(end(std::move(exit_code).error()));
  discard(m_id);
  return exit_code;
}

Result<int> OneOffContainer::start_and_join(const ContainerRequest& request, engine::Console* console,
                                            const Wait& wait) {
  for (std::size_t i = 1; i < request.networks.size(); ++i)
    BGDEPLOY_TRY(m_client.connect_network(request.networks[i], m_id, "", wait));
  const bool input = console != nullptr && console->input() >= 0;
  const auto window = console != nullptr ? console->window() : std::nullopt;
  BGDEPLOY_ASSIGN(m_streams, m_client.attach(m_id, input, window.has_value(), m_output, wait));
  if (const auto started = m_client.start_container(m_id, wait); !started)
    return not_started(started.error(), wait);
  const auto resize = [&](engine::Window to) { m_client.resize_container(m_id, to, wait); };
  if (window) resize(*window);
  if (console != nullptr) console->begin();
  const auto joined = m_streams->join(console, resize, wait);
  if (console != nullptr) console->end();
  BGDEPLOY_TRY(joined);
  return m_client.await_container(m_id, engine::Client::Until::not_running, wait);
}

Result<int> OneOffContainer::not_started(core::Error error, const Wait& wait) {
  if (may_have_happened(error.kind)) return std::unexpected(std::move(error));
  // The container exists, so this is about something else that it needs.
  if (error.kind == ErrorKind::not_found) error.kind = ErrorKind::refused;
  const auto container = m_client.inspect_container(m_id, wait);
  const int code = container ? container->exit_code : 0;
  if (code != k_not_executable && code != k_no_command) return std::unexpected(std::move(error));
  m_output(true, error.message + "\n");
  return code;
}

// What it prints until it has ended comes through.
core::Error OneOffContainer::end(core::Error why) {
  constexpr core::Duration k_most = k_one_off_grace + k_cleanup;
  const std::jthread stopping(
      [&] { (void)m_client.stop_container(m_id, k_one_off_grace, Wait::for_at_most(k_most)); });
  if (m_streams) (void)m_streams->join(nullptr, {}, Wait::for_at_most(k_most));
  if (why.kind == ErrorKind::cancelled) why.message = "interrupted, so the command was ended";
  return why;
}

// Whatever it does, and with its own volumes.
void OneOffContainer::discard(const std::string& id) {
  const auto wait = Wait::for_at_most(k_cleanup);
  (void)m_client.remove_container(id, {.force = true, .anonymous_volumes = true}, wait);
}

}  // namespace bgdeploy::runtime
