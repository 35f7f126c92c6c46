#include "bgdeploy/runtime/build_here.hpp"

#include "bgdeploy/runtime/docker_container.hpp"
#include "engine_images.hpp"

namespace bgdeploy::runtime {

using core::ErrorKind;

namespace {

// The docker command finds its daemon by its context, and DOCKER_HOST, as in `docker build`.
Result<std::shared_ptr<engine::Client>> docker_here(host::Host& host, const Wait& wait) {
  const host::Command dial{{"docker", "system", "dial-stdio"}, host::Tool::docker, {}};
  BGDEPLOY_ASSIGN(const auto socket, host.socket_to(host::CommandEndpoint{dial.argv, dial.tool}));
  auto client = engine::Client::open(socket, wait.at_most(std::chrono::seconds(20)));
  if (client || wait.stop.stop_requested()) return client;
  core::Error error{ErrorKind::not_found,
                    "no docker answers on this machine, which `build: {on: here}` needs",
                    {},
                    "see what `docker version` says here, or set build.on: hosts"};
  return std::unexpected(std::move(error));
}

Result<std::unique_ptr<host::Host>> this_machine(const Wait& wait) {
  spec::Host entry;
  entry.name = "local";
  entry.local = true;
  return host::connect(entry, wait);
}

}  // namespace

Result<std::string> platform_here(const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto host, this_machine(wait));
  BGDEPLOY_ASSIGN(const auto client, docker_here(*host, wait));
  BGDEPLOY_ASSIGN(const auto engine, client->info(wait));
  return engine.os + "/" + engine.architecture;
}

Result<archive::Image> build_here(const plan::Release& release, const context::Files& files,
                                  const std::string& service,
                                  const std::function<void(const std::string&)>& output, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto host, this_machine(wait));
  BGDEPLOY_ASSIGN(const auto client, docker_here(*host, wait));
  EngineImages images(*host, client, {}, {}, service);
  BGDEPLOY_ASSIGN(const bool there, images.present(release, wait));
  if (!there) BGDEPLOY_TRY(images.build(release, files, output, wait));
  const auto save = [&](const archive::Take& take) -> Result<void> {
    Result<void> taken;
    const auto sink = [&](std::string_view piece) {
      taken = take(piece);
      return taken.has_value();
    };
    BGDEPLOY_TRY(client->save(image_reference(release), sink, wait));
    return taken;
  };
  auto read = archive::read_images(save, wait);
  if (read && read->size() == 1) return std::move(read->front());
  core::Error error = read ? core::Error{} : std::move(read.error());
  if (error.kind == ErrorKind::cancelled || error.kind == ErrorKind::timeout)
    return std::unexpected(std::move(error));
  return core::fail(ErrorKind::refused, "what docker on this machine saved is not the image", {error.message});
}

}  // namespace bgdeploy::runtime
