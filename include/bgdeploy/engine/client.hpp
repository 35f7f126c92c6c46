// A typed client of the Docker Engine API of one host. Safe to use from several threads. Answers that are no
// success become errors: 404 not_found, 409 conflict, 401 and 403 denied, everything else refused, with
// docker's own message. Beside those every call can fail with lost, timeout and cancelled.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/engine/attachment.hpp"
#include "bgdeploy/engine/http.hpp"
#include "bgdeploy/engine/log_range.hpp"
#include "bgdeploy/engine/types.hpp"
#include "bgdeploy/host/host.hpp"

namespace bgdeploy::engine {

class Client {
public:
  // Through `own`, or docker's usual socket on the host, else through `docker system dial-stdio` (`podman`
  // where there is no docker command), which without `own` asks whatever docker's own context there says.
  // Kinds: unreachable, denied (both with what to do), unsupported (older than API 1.41, which is
  // Docker 20.10).
  static Result<std::shared_ptr<Client>> open(host::Host& host, const std::optional<std::string>& own,
                                              const Wait& wait);

  // Asks the daemon behind `socket` for its version. Kinds: as Http::send, unsupported.
  static Result<std::shared_ptr<Client>> open(const std::filesystem::path& socket, const Wait& wait);

  Client(std::unique_ptr<Http> http, std::string version, bool podman = false);

  // What answers is Podman: it cannot ask a registry for a digest.
  bool podman() const { return m_podman; }

  // Where each connection that is kept for later takes the place of a command on the host: none is kept while
  // others wait for one. The host outlives the client.
  void share_places(host::Host& host);
  void drop_idle();

  // --- images. `reference` is "repository:tag" or "repository@sha256:…".
  // The digest in the registry, asked for by the daemon.
  Result<std::string> registry_digest(const std::string& reference, const std::optional<RegistryAuth>& auth,
                                      const Wait& wait);
  Result<Image> inspect_image(const std::string& reference, const Wait& wait);
  Result<void> tag_image(const std::string& reference, const std::string& repository, const std::string& tag,
                         const Wait& wait);
  Result<std::vector<ImageSummary>> list_images(const Wait& wait);
  // Takes one name away, and with the last one the image. `reference` may be an id. Kind conflict: a
  // container uses it.
  Result<void> remove_image(const std::string& reference, const Wait& wait);
  // Asked once: the daemon starts several programs to answer.
  Result<Info> info(const Wait& wait);
  // Pull errors come as text inside a 200 answer: their kind is what registry_digest has to say, else
  // refused.
  Result<void> pull(const std::string& repository, const std::string& tag_or_digest,
                    const std::optional<RegistryAuth>& auth,
                    const std::function<void(const LayerProgress&)>& progress, const Wait& wait);

  // Takes images from a tar stream in the layout of `docker save`. Its errors come as text inside a 200
  // answer too: kind refused.
  Result<void> load(const Upload& images, const Wait& wait);
  // One image as `docker save` writes it.
  Result<void> save(const std::string& reference, const Http::Sink& sink, const Wait& wait);

  // --- containers, by id or name.
  Result<std::vector<ContainerSummary>> list_containers(const Wait& wait);
  Result<Container> inspect_container(const std::string& id, const Wait& wait);
  // `body`:
  // https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate
  Result<std::string> create_container(const std::string& name, const std::string& body, const Wait& wait);
  // Fine when it runs already.
  Result<void> start_container(const std::string& id, const Wait& wait);
  // Fine when it is stopped already.
  Result<void> stop_container(const std::string& id, core::Duration grace, const Wait& wait);
  Result<void> unpause_container(const std::string& id, const Wait& wait);
  struct Removal {
    bool force = false;              // a running one too
    bool anonymous_volumes = false;  // and the volumes that only it knows
  };
  Result<void> remove_container(const std::string& id, Removal removal, const Wait& wait);
  Result<void> rename_container(const std::string& id, const std::string& name, const Wait& wait);
  Result<void> set_restart_policy(const std::string& id, const std::string& policy, const Wait& wait);
  enum class Until { not_running, removed };
  // Its exit code.
  Result<int> await_container(const std::string& id, Until until, const Wait& wait);

  // Pieces of stdout and stderr as they come, cut anywhere. All lines when `tail` is negative.
  using Output = std::function<void(bool is_stderr, std::string_view)>;
  // Of a timed range `time` gets that of the text which follows, as docker writes it.
  Result<void> logs(const Container& container, const LogRange& range, const Output& time,
                    const Output& output, const Wait& wait);
  // The command's exit code; of one that cannot be started docker's (126, 127), with its words on stderr.
  // `console`: what it reads, and its terminal; null: neither.
  Result<int> exec(const std::string& id, const std::vector<std::string>& argv, Console* console,
                   const Output& output, const Wait& wait);
  // The streams of a container that is made to have these. Before it is started nothing of them is missed.
  Result<std::unique_ptr<Attachment>> attach(const std::string& id, bool input, bool terminal,
                                             const Output& output, const Wait& wait);
  // Of its terminal. A size that docker does not take is no reason to end anything.
  void resize_container(const std::string& id, Window window, const Wait& wait);

  // --- networks.
  // Creates a bridge where there is none of this name.
  Result<void> ensure_network(const std::string& name, const Wait& wait);
  // Without an alias where that is empty.
  Result<void> connect_network(const std::string& network, const std::string& container_id,
                               const std::string& alias, const Wait& wait);

  // Removes the networks that have this label and that no container, running or not, belongs to.
  Result<void> remove_unused_networks(const std::string& label, const std::string& value, const Wait& wait);

private:
  Request request(std::string method, std::string path, std::string body = {}) const;
  Result<Response> call(const Request& request, const Wait& wait);
  Result<Response> stream(const Request& request, const Http::Sink& sink, const Wait& wait);
  Result<std::unique_ptr<Attachment>> hijack(const Request& request, bool terminal, const Output& output,
                                             const Wait& wait);
  void resize(const std::string& what, Window window, const Wait& wait);

  std::mutex m_info_mutex;
  std::optional<Info> m_info;
  const std::unique_ptr<Http> m_http;
  const std::string m_version;  // "1.41": what both sides speak
  const bool m_podman;
};

}  // namespace bgdeploy::engine
