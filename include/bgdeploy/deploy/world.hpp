// Everything the executor can touch, as interfaces: real hosts in the program, a simulated world in its
// tests.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bgdeploy/context/files.hpp"
#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/health/health.hpp"
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

struct World {
  std::vector<App> apps;           // in the spec's order
  std::vector<ProxySide> proxies;  // as spec::proxies()
  MakeProber prober;
  Listens listens;
  // Logs in again where a connection broke, and puts what it opened into `apps` and `proxies`. Where that
  // fails they stay as they are, and say so at the next call.
  std::function<void(World&, const core::Wait&)> revive;
  core::Clock& clock;
  report::Sink& sink;
  std::shared_ptr<const context::Files> files{};  // what is built from, where something is
};

}  // namespace bgdeploy::deploy
