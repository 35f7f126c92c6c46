// Looks at hosts: logs in, asks, changes nothing.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/engine/client.hpp"
#include "bgdeploy/host/account.hpp"
#include "bgdeploy/host/listening.hpp"
#include "bgdeploy/init/gather.hpp"
#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/spec/document.hpp"
#include "compose_pair.hpp"

namespace bgdeploy::init {
namespace {

using core::ErrorKind;
using core::Result;
using core::Wait;

constexpr std::size_t k_most_containers = 200;
constexpr int k_largest_file = 256 << 10;

// The host as a spec would have it: the loader knows what a target may look like.
Result<spec::Host> host_of(const std::string& target, bool sudo, const spec::Environment& variables) {
  const std::string text = fmt::format(
      "service: init\nimage: init\nhosts: {{app: [{}]}}\nssh: {{sudo: {}}}\nslots: {{a: 1, b: 2}}\n"
      "health: {{tcp: true}}\nproxy: none\n",
      spec::yaml_text(spec::without_substitutions(target)), sudo);
  const auto spec = spec::load({"--host", text}, "", variables);
  if (spec) return spec->app_hosts[0];
  return core::fail(ErrorKind::usage, fmt::format("'{}' is no host", target), {},
                    "--host [user@]host[:port], or an alias of ~/.ssh/config");
}

class Look {
public:
  Look(HostState& state, host::Host& host, const Wait& wait) : m_state(state), m_host(host), m_wait(wait) {}

  Result<void> look() {
    BGDEPLOY_TRY(look_at_ports());
    const auto client = engine::Client::open(m_host, std::nullopt, m_wait);
    if (client) BGDEPLOY_TRY(look_at_containers(**client));
    BGDEPLOY_TRY(look_at_nginx());
    if (client) look_into_containers(**client);
    if (client) return {};
    // What is not there can be added; what the login may not do changes what is seen.
    if (client.error().kind != ErrorKind::unreachable && m_state.dump.empty())
      return std::unexpected(client.error());
    m_state.without_docker = client.error().message;
    return {};
  }

private:
  Result<void> look_at_containers(engine::Client& client) {
    BGDEPLOY_ASSIGN(const auto all, client.list_containers(m_wait));
    for (const auto& summary : all) {
      const bool stopped = summary.state != "running";
      if (stopped && !summary.labels.contains("bgdeploy.slot")) continue;
      if (m_state.containers.size() == k_most_containers) continue;
      const auto container = client.inspect_container(summary.id, m_wait);
      if (!container) continue;  // it has gone meanwhile
      BGDEPLOY_ASSIGN(Json json, core::parse_json(container->json, "docker's answer"));
      Json image;
      if (const auto found = client.inspect_image(container->image_id, m_wait)) {
        BGDEPLOY_ASSIGN(image, core::parse_json(found->json, "docker's answer"));
      }
      m_state.containers.push_back({summary.id, std::move(json), std::move(image), stopped});
      if (const auto service = summary.labels.find("bgdeploy.service"); service != summary.labels.end())
        BGDEPLOY_TRY(look_at_history(service->second));
    }
    return {};
  }

  // Where `history.dir` is another folder, nothing says so.
  Result<void> look_at_history(const std::string& service) {
    if (m_state.history.contains(service) || service.contains('/')) return {};
    const std::string script =
        std::string(host::k_account) + "find_home\ntail -n 20 -- \"$home${1#'~'}/$2.jsonl\" 2>/dev/null\n";
    BGDEPLOY_ASSIGN(const auto output, m_host.run({{"sh", "-c", std::string(host::k_as_login_user),
                                                    "bgdeploy", script, "~/.local/state/bgdeploy", service},
                                                   host::Tool::other},
                                                  m_wait));
    m_state.history[service] = output.out;
    return {};
  }

  // Of what is no container too. Without IPv6 there is one file.
  Result<void> look_at_ports() {
    BGDEPLOY_ASSIGN(const auto output,
                    m_host.run({{"cat", "/proc/net/tcp", "/proc/net/tcp6"}, host::Tool::other}, m_wait));
    if (const auto sockets = host::parse_listening(output.out))
      for (const host::TcpEndpoint& socket : *sockets) m_state.listening.push_back(socket.port);
    return {};
  }

  // A login without root has no /usr/sbin in its PATH.
  Result<void> look_at_nginx() {
    for (const char* program : {"nginx", "/usr/sbin/nginx"}) {
      BGDEPLOY_ASSIGN(const auto output, m_host.run({{program, "-T"}, host::Tool::nginx}, m_wait));
      if (output.ok()) {
        m_state.dump = output.out;
        m_state.refused.clear();
        return {};
      }
      for (const std::string& line : core::split_lines(output.err))
        if (line.contains("[emerg]")) m_state.refused = core::printable(line);
    }
    return {};
  }

  void look_into_containers(engine::Client& client) {
    const HostState before = m_state;
    for (const RunningContainer* one : may_be_nginx(before)) {
      std::string dump;
      const auto take = [&](bool is_stderr, std::string_view text) {
        if (!is_stderr && dump.size() < k_largest_dump) dump += text;
      };
      const auto code = client.exec(one->id, {"nginx", "-T"}, nullptr, take, m_wait);
      if (!code || *code != 0) continue;
      const Serves serves = serves_there(before, *one, dump);
      if (serves == Serves::no || (serves == Serves::maybe && !m_state.nginx.empty())) continue;
      m_state.dump = std::move(dump);
      m_state.nginx = core::text_of(one->container, "Name").substr(1);
      if (serves == Serves::maybe) continue;
      m_state.refused.clear();  // of another one
      return;
    }
  }

  static constexpr std::size_t k_largest_dump = std::size_t{16} << 20;

  HostState& m_state;
  host::Host& m_host;
  const Wait m_wait;
};

// The compose file of the running slot, and the other slot's beside it; none where there is no other one.
// Kind io: who logs in there cannot read them, or they are gone.
Result<std::vector<File>> read_pair(host::Host& host, const std::string& file, const Wait& wait) {
  const auto unread = [&](const std::string& name, const host::Output& output) {
    return core::fail(ErrorKind::io,
                      fmt::format("{} cannot be read ({})", name, core::printable(core::trim(output.err))));
  };
  const std::string folder = file.substr(0, file.rfind('/') + 1);
  BGDEPLOY_ASSIGN(const auto list, host.run({{"ls", "-1", "--", folder}, host::Tool::other}, wait));
  if (!list.ok()) return unread(file, list);
  std::vector<std::string> names{file};
  for (const std::string& name : core::split_lines(list.out))
    if (folder + name != file) names.push_back(folder + name);
  names = compose_pair(std::move(names));
  std::vector<File> files;
  for (const std::string& name : names.size() < 2 ? std::vector<std::string>{} : names) {
    BGDEPLOY_ASSIGN(const auto text,
                    host.run({{"head", "-c", std::to_string(k_largest_file), "--", name}}, wait));
    if (!text.ok()) return unread(name, text);
    files.push_back({name, text.out});
  }
  return files;
}

// What runs there was started from compose files that lie there. Where they are no use, both slots run as
// containers of our own.
Result<void> read_remote_compose(Draft& draft, const HostState& state, host::Host& host, const Wait& wait) {
  const auto origin = compose_origin(state);
  if (!origin || draft.has({"compose"})) return {};
  const auto leave = [&](const core::Error& error) {
    draft.note(fmt::format("{} was started by compose, from a file on {} that init could not use: {}",
                           origin->project, state.target, error.message));
  };
  const auto files = read_pair(host, origin->files[0], wait);
  if (!files && files.error().kind != ErrorKind::io) return std::unexpected(files.error());
  if (!files) leave(files.error());
  if (!files || files->empty()) return {};
  Draft with_files = draft;
  for (const char* key : {"slots", "docker", "image", "build", "service", "secrets"}) with_files.drop({key});
  if (const auto read = read_compose(with_files, *files, {}, origin->project, true); !read)
    leave(read.error());
  else
    draft = std::move(with_files);
  return {};
}

// `bgdeploy trust` needs a spec, and there is none yet.
Result<std::unique_ptr<host::Host>> connect(const spec::Host& where, const std::string& target,
                                            const Wait& wait) {
  auto host = host::connect(where, wait);
  if (!host && host.error().kind == ErrorKind::untrusted)
    host.error().next =
        "compare the fingerprint with the host's own, then log in once: ssh " + core::shell_quote(target);
  return host;
}

}  // namespace

Result<void> look_at_hosts(Draft& draft, const std::vector<std::string>& targets,
                           const spec::Environment& variables, const std::stop_token& stop) {
  const auto wait = Wait::for_at_most(std::chrono::minutes(2), stop);
  std::vector<HostState> states;
  for (const std::string& target : targets) {
    HostState state{target};
    BGDEPLOY_ASSIGN(spec::Host where, host_of(target, false, variables));
    BGDEPLOY_ASSIGN(auto host, connect(where, target, wait));
    BGDEPLOY_ASSIGN(const auto id, host->run({{"id", "-u"}}, wait));
    if (core::trim(id.out) != "0") {
      BGDEPLOY_ASSIGN(const auto asked, host->run({{"sudo", "-n", "true"}}, wait));
      if (asked.ok()) {
        state.sudo = true;
        BGDEPLOY_ASSIGN(where, host_of(target, true, variables));
        BGDEPLOY_ASSIGN(host, connect(where, target, wait));
      }
    }
    BGDEPLOY_TRY(Look(state, *host, wait).look());
    BGDEPLOY_TRY(read_remote_compose(draft, state, *host, wait));
    states.push_back(std::move(state));
  }
  read_hosts(draft, states);
  return {};
}

}  // namespace bgdeploy::init
