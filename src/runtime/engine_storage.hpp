#pragma once

#include "bgdeploy/engine/client.hpp"
#include "bgdeploy/host/host.hpp"
#include "bgdeploy/runtime/storage.hpp"

namespace bgdeploy::runtime {

using core::Result;
using core::Wait;

class EngineStorage final : public Storage {
public:
  EngineStorage(host::Host& host, std::shared_ptr<engine::Client> client,
                std::optional<engine::RegistryAuth> auth)
      : m_host(host), m_client(std::move(client)), m_auth(std::move(auth)) {}

  Result<void> prune(const plan::Leftovers& leftovers, bool only_look,
                     const std::function<void(const Removed&)>& removed, const Wait& wait) override;
  Result<InRegistry> find(const std::string& repository, const std::string& tag_or_digest,
                          const Wait& wait) override;
  Result<std::int64_t> lacking(const plan::Release& release, const Wait& wait) override;
  Result<std::string> root(const Wait& wait) override;
  Result<Room> room(const Wait& wait) override;
  void know(Room room) override { m_seen = std::move(room); }

private:
  // False where it is in use by now.
  Result<bool> remove(const std::vector<std::string>& references, const Wait& wait);

  host::Host& m_host;
  const std::shared_ptr<engine::Client> m_client;
  const std::optional<engine::RegistryAuth> m_auth;
  std::optional<Room> m_seen;
};

}  // namespace bgdeploy::runtime
