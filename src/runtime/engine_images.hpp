#pragma once

#include "bgdeploy/engine/client.hpp"
#include "bgdeploy/runtime/runtime.hpp"

namespace bgdeploy::runtime {

class EngineImages : public Images {
public:
  EngineImages(host::Host& host, std::shared_ptr<engine::Client> client,
               std::optional<engine::RegistryAuth> auth, std::optional<std::string> socket = {},
               std::string service = {})
      : m_host(host),
        m_client(std::move(client)),
        m_auth(std::move(auth)),
        m_socket(std::move(socket)),
        m_service(std::move(service)) {}

  Result<std::string> resolve(const std::string& image, const std::string& tag, const Wait& wait) override;
  Result<void> reach_registry(const std::string& image, const Wait& wait) override;
  bool asks_registry() const override { return !m_client->podman(); }
  Result<bool> present(const plan::Release& release, const Wait& wait) override;
  Result<std::optional<std::string>> digest_of_id(const plan::Release& release, const Wait& wait) override;
  Result<std::optional<std::vector<int>>> exposed(const plan::Release& release, const Wait& wait) override;
  Result<void> pull(const plan::Release& release, const std::function<void(const PullProgress&)>& progress,
                    const Wait& wait) override;
  // engine_build.cpp
  Result<void> build(const plan::Release& release, const context::Files& files,
                     const std::function<void(const std::string&)>& output, const Wait& wait) override;
  // engine_send.cpp
  Result<ToSend> lacking(const archive::Image& image, const Wait& wait) override;
  Result<void> send(const plan::Release& release, const archive::Image& image,
                    const std::function<void(const PullProgress&)>& progress, const Wait& wait) override;

private:
  Result<std::string> resolve_by_pulling(const std::string& image, const std::string& tag, const Wait& wait);
  core::Error refused(const std::string& image, const std::string& what, core::Error error) const;

  host::Host& m_host;
  const std::shared_ptr<engine::Client> m_client;
  const std::optional<engine::RegistryAuth> m_auth;
  const std::optional<std::string> m_socket;  // the engine's own, where it has one
  const std::string m_service;                // that images are built for
};

}  // namespace bgdeploy::runtime
