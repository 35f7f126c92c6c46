// From a launch to the Engine API's request for its container, and the comparison of a container that exists
// with such a request. Pure. The request holds secrets; differences hold names only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/core/secret.hpp"
#include "bgdeploy/engine/types.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/runtime/runtime.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::runtime {

// A stopped release that stands in the way of its slot's name is called name + this.
inline constexpr std::string_view k_aside_suffix = ".bgdeploy-aside";

namespace label {
inline constexpr const char* k_service = "bgdeploy.service";
inline constexpr const char* k_slot = "bgdeploy.slot";
inline constexpr const char* k_release = "bgdeploy.release";
inline constexpr const char* k_tag = "bgdeploy.tag";
inline constexpr const char* k_digest = "bgdeploy.digest";
inline constexpr const char* k_image = "bgdeploy.image";
// Of an image, and so of its containers: the digest it was built for.
inline constexpr const char* k_build = "bgdeploy.build";
// Of an image: the service it was built for.
inline constexpr const char* k_part = "part";  // its value for some layers of an image that is sent
inline constexpr const char* k_build_of = "bgdeploy.build.service";
inline constexpr const char* k_container_port = "bgdeploy.container_port";
// The hosts whose proxy sends to the slot, by their names in the spec, with a space between.
inline constexpr const char* k_proxies = "bgdeploy.proxies";
// The policy as it was asked for: a stop turns it into `unless-stopped`, a start turns it back.
inline constexpr const char* k_restart = "bgdeploy.restart";
// Which of the keys that the daemon has its own defaults for were given: "logging,ulimits".
inline constexpr const char* k_explicit = "bgdeploy.explicit";
// Of one-off containers: what for, the lock of the owner (see OneOff), and the slots it belongs beside, since
// environments of one service may share a host.
inline constexpr const char* k_one_off = "bgdeploy.one_off";
inline constexpr const char* k_one_off_lock = "bgdeploy.one_off.lock";
inline constexpr const char* k_one_off_of = "bgdeploy.one_off.of";
}  // namespace label

std::string proxies_label(const spec::Spec& spec);

// Where a container will run.
struct Placement {
  std::string host;          // {host}
  std::string address;       // {address}: how proxies reach the host
  std::string published_ip;  // where ports are published when the spec says nothing
};

struct ContainerRequest {
  std::string name;
  core::Secret body;                  // JSON for POST /containers/create
  std::vector<std::string> networks;  // to be there before; the container is created in the first
};

// Networks that every daemon has: never created, and without aliases.
bool is_builtin_network(std::string_view name);

// The tag that keeps a release on its host which no registry has: "build-" or "image-", and the first 32
// digits of its hash.
std::string local_tag(const plan::Release& release);

// "repository@sha256:…", "repository:build-…" of one that no registry has, or "repository:tag" where no
// digest is known.
std::string image_reference(const plan::Release& release);

// Kind usage: a container_port that is no port, or a value in the environment that is not UTF-8.
core::Result<ContainerRequest> container_request(const spec::Spec& spec, std::size_t slot,
                                                 const plan::Launch& launch, const Placement& placement,
                                                 const SecretValues& secrets);

// A container for one command, with everything of the same launch but ports, the slot's name in networks, and
// the user's own labels: what goes by those, as routers do, would take it for the app.
core::Result<ContainerRequest> one_off_request(const spec::Spec& spec, const OneOff::Request& request,
                                               const Placement& placement, const SecretValues& secrets);

// What listens in a slot's container as the spec has it, for either runtime; 0 where only the image says
// that.
int port_by_spec(const spec::Spec& spec, std::size_t slot);

// Where a container answers on its own host: at the published `container_port` (unset: at the slot's port),
// else at that port of the container's own address; unset there, at what our label names, else `by_spec`,
// else what it exposes. Kind not_found: it has none.
core::Result<Reachable> reachable_at(const engine::Container& container, int slot_port,
                                     std::optional<int> container_port, int by_spec = 0);

// What of `request` the container does not have, by the spec's names: "image", "environment DB_PASSWORD",
// "mem_limit". The release's id and tag do not count. `container` and `image` are docker's answers to their
// inspection (`image` being the container's own, empty when it is gone): docker writes what an image sets
// into its containers. With `podman` they are Podman's. Of a container that somebody else made, options that
// a spec has no key for are differences too: "--privileged".
std::vector<std::string> differences(std::string_view container, std::string_view image,
                                     const ContainerRequest& request, bool podman = false);

}  // namespace bgdeploy::runtime
