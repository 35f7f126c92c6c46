// Everything the executor can touch, as interfaces: real hosts in the program, a simulated world in its
// tests.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/context/files.hpp"
#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/health/health.hpp"
#include "bgdeploy/health/reply.hpp"
#include "bgdeploy/proxy/proxy.hpp"
#include "bgdeploy/report/event.hpp"
#include "bgdeploy/runtime/runtime.hpp"

namespace bgdeploy::deploy {

struct App {
  std::string name;
  runtime::Images* images = nullptr;
  runtime::Runtime* runtime = nullptr;
};

struct ProxySide {
  std::string name;
  proxy::Proxy* proxy = nullptr;
};

// Asks the container `id` in slot `slot` of app host `host`.
using MakeProber = std::function<core::Result<std::unique_ptr<health::Prober>>(
    std::size_t host, std::size_t slot, const std::string& id)>;

// Whether anything accepts connections where the proxies find slot `slot` of app host `host`.
using Listens = std::function<bool(std::size_t host, std::size_t slot)>;

// One request to a site of proxy number `proxy`, as a client sends it.
using AskSite =
    std::function<health::Reply(std::size_t proxy, const plan::Front& site, const core::Wait& wait)>;

// Asks a backend from where proxy number `proxy` does its work, with the health request where there is one.
// Nothing where it cannot be tried from there.
using AskBackend = std::function<std::optional<health::Answer>(
    std::size_t proxy, const plan::Backend& backend, const core::Wait& wait)>;

struct World {
  std::vector<App> apps;           // in the spec's order
  std::vector<ProxySide> proxies;  // as spec::proxies()
  MakeProber prober;
  Listens listens;
  AskSite ask_site;
  AskBackend ask_backend;
  // Logs in again where a connection broke, and puts what it opened into `apps` and `proxies`. Where that
  // fails they stay as they are, and say so at the next call.
  std::function<void(World&, const core::Wait&)> revive;
  core::Clock& clock;
  report::Sink& sink;
  std::shared_ptr<const context::Files> files{};  // what is built from, where something is
};

}  // namespace bgdeploy::deploy
