// What the Docker Engine API says, as far as bgdeploy asks for it. Field meanings:
// https://docs.docker.com/reference/api/engine/version/v1.41/
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/secret.hpp"

namespace bgdeploy::engine {

struct RegistryAuth {
  std::string username;
  core::Secret password;
};

struct Image {
  std::string id;                         // of its configuration, "sha256:…"
  std::vector<std::string> repo_digests;  // "repository@sha256:…"
  std::vector<int> exposed;               // its EXPOSE, of tcp, in order
  std::string json;                       // the whole answer
};

struct PublishedPort {
  int container_port = 0;
  std::string protocol;  // "tcp"
  std::string host_ip;   // "0.0.0.0", "::"
  int host_port = 0;     // 0 where it is exposed only
};

// A port as the container was made to publish it, whether it runs or not.
struct PortBinding {
  int container_port = 0;
  std::string protocol;     // "tcp"
  std::string host_ip;      // empty: everywhere
  int first = 0, last = 0;  // of the host: docker takes one of these, and any where both are 0
};

// One line of the list of containers.
struct ContainerSummary {
  std::string id;
  std::vector<std::string> names;  // without the leading slash
  std::map<std::string, std::string> labels;
  std::string state;                 // "running"
  std::vector<PublishedPort> ports;  // of running containers only
};

struct Container {
  std::string id, name;
  std::string image;     // as it was asked for
  std::string image_id;  // what that was then
  std::map<std::string, std::string> labels;
  std::string status;  // created, running, paused, restarting, removing, exited, dead
  bool running = false;
  int exit_code = 0;
  bool oom_killed = false;
  int restarts = 0;    // by the daemon, since it was started
  std::string error;   // docker's words on a failed start
  std::string health;  // "", starting, healthy, unhealthy
  std::string health_output;
  std::string restart_policy;  // as compose writes it: "no", "always", "on-failure:3"
  bool tty = false;
  core::SystemTime created{}, started{};        // the epoch where it never happened
  std::string network_mode;                     // the first network's name
  std::map<std::string, std::string> networks;  // name to IP address, empty while stopped
  std::vector<PublishedPort> ports;             // as they are now
  std::vector<PortBinding> bindings;            // as it was made
  std::string json;                             // the whole answer
};

struct LayerProgress {
  std::string layer;  // short id; empty for the image as a whole
  std::string status;
  std::int64_t current = 0, total = 0;
};

}  // namespace bgdeploy::engine
