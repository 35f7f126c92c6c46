// Why a container that runs gives no answer on its port: wrong port, loopback only, not up yet, TLS. Pure.
#pragma once

#include <optional>
#include <string>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/runtime/runtime.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::health {

struct Silence {
  const spec::Spec& spec;
  std::size_t slot = 0;
  std::string name;   // of the container
  std::string host;   // its host's name
  int asked = 0;      // the port inside of the container that should have answered
  core::Duration up;  // since its start
  bool tls = false;   // Prober::speaks_tls()
};

struct Reason {
  std::string why;   // "nothing listens on 9090 in shop-blue; it listens on 8080"
  std::string next;  // "set docker.container_port: 8080"; may be empty
};

// Nothing where the clues do not tell.
std::optional<Reason> explain(const Silence& silence, const runtime::Clues& clues);

}  // namespace bgdeploy::health
