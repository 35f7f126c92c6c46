#include "kinds.hpp"

#include <algorithm>
#include <array>

#include "bgdeploy/plan/routing.hpp"
#include "bgdeploy/runtime/launches.hpp"
#include "bgdeploy/spec/load.hpp"
#include "bgdeploy/spec/runtime.hpp"
#include "engine_images.hpp"
#include "engine_storage.hpp"

namespace bgdeploy::runtime {
namespace {

// In the order of plan::Configuration.
const auto& kinds() {
  static const std::array<Kind, std::variant_size_v<plan::Configuration>> k_kinds{docker_kind(),
                                                                                  compose_kind()};
  return k_kinds;
}

const Kind& kind_of(const spec::Spec& spec) {
  return *std::ranges::find(kinds(), spec::runtime_of(spec).name, &Kind::name);
}

const Kind& kind_of(const plan::Configuration& with) {
  return kinds().at(with.index());
}

// Docker's record is in every entry, see record_of().
bool is_of(const LaunchRecord& record, const Kind& kind) {
  const auto& docker = kinds().front();
  const bool other = std::ranges::any_of(kinds(), [&](const Kind& one) {
    return &one != &docker && &one != &kind && record.contains(std::string(one.name));
  });
  return !other && record.contains(std::string(kind.name));
}

}  // namespace

core::Result<plan::Launch> launch_by_spec(const spec::Spec& spec, plan::Release release) {
  BGDEPLOY_ASSIGN(auto with, kind_of(spec).by_spec(spec, release));
  return plan::Launch{std::move(release), std::move(with)};
}

core::Result<void> check_files(const spec::Spec& spec) {
  return kind_of(spec).check(spec);
}

std::vector<std::string> record_names() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds()) names.emplace_back(kind.name);
  return names;
}

LaunchRecord record_of(const plan::Launch& launch) {
  const Kind& kind = kind_of(launch.with);
  LaunchRecord record{{std::string(kind.name), kind.record(launch.with)}};
  // Earlier versions of the program pass over an entry without it.
  const Kind& docker = kinds().front();
  record.try_emplace(std::string(docker.name), docker.record(spec::Docker{}));
  return record;
}

core::Result<std::optional<plan::Launch>> recorded_launch(const spec::Spec& spec,
                                                          const plan::Release& release,
                                                          const LaunchRecord& record) {
  const Kind& kind = kind_of(spec);
  if (!is_of(record, kind)) return std::optional<plan::Launch>();
  BGDEPLOY_ASSIGN(auto with, kind.read(record.at(std::string(kind.name))));
  return std::optional(plan::Launch{release, std::move(with)});
}

std::map<std::string, std::string> flat_record(const LaunchRecord& record) {
  for (const Kind& kind : kinds()) {
    if (!is_of(record, kind)) continue;
    // Read and written again, so that a record of an older version has the same keys.
    const auto with = kind.read(record.at(std::string(kind.name)));
    return with ? kind.flat(*with) : std::map<std::string, std::string>{};
  }
  return {};
}

core::Result<void> complete(const spec::Spec& spec, plan::Launch& launch) {
  return kind_of(launch.with).complete(spec, launch);
}

Result<OnHost> open(host::Host& host, const spec::Spec& spec, const plan::Places& places, std::size_t app,
                    const SecretValues& secrets, const Wait& wait) {
  BGDEPLOY_ASSIGN(auto client, engine::Client::open(host, spec.docker_socket, wait));
  const spec::Host& entry = spec.app_hosts.at(app);
  Placement placement{entry.name, plan::address_of(spec, places, app), spec::published_ip(spec, entry)};
  std::optional<engine::RegistryAuth> auth;
  if (spec.registry && secrets.registry_password)
    auth = engine::RegistryAuth{spec.registry->username, *secrets.registry_password};
  auto storage = std::make_unique<EngineStorage>(host, client, auth);
  auto images =
      std::make_unique<EngineImages>(host, client, std::move(auth), spec.docker_socket, spec.service);
  auto runtime = kind_of(spec).on({host, std::move(client), spec, std::move(placement), secrets});
  return OnHost{std::move(images), std::move(storage), std::move(runtime)};
}

}  // namespace bgdeploy::runtime
