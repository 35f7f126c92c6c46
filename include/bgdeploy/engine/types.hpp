// What the Docker Engine API says, as far as bgdeploy asks for it. Field meanings:
// https://docs.docker.com/reference/api/engine/version/v1.41/
#pragma once

#include <cstdint>
#include <map>
#include <optional>
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
  std::vector<std::string> layers{};      // digests of what they hold, from the lowest on
  std::string json;                       // the whole answer
  std::string architecture{};             // "amd64"
};

// One line of the list of images.
struct ImageSummary {
  std::string id;
  std::vector<std::string> repo_tags, repo_digests;  // "repository:tag", "repository@sha256:…"
  std::map<std::string, std::string> labels;
  std::int64_t size = 0;  // bytes, with the layers that it shares
};

// What the engine says of itself.
struct Info {
  std::string root;              // the folder on its host where everything of it lies
  std::string os, architecture;  // "linux", "amd64", as images call them
  std::string proxy{};           // through which the engine reaches registries; empty: directly
  std::vector<std::string> insecure_registries{};  // "registry.internal:5000", "127.0.0.0/8"
  bool containerd_images = false;                  // containerd keeps the images, not docker itself
  bool mirrors = false;                            // of Docker Hub
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
  std::string image_id{};            // "sha256:…"
};

struct Container {
  std::string id, name;
  std::string image;     // as it was asked for
  std::string image_id;  // what that was then
  std::map<std::string, std::string> labels;
  std::string status;  // created, running, paused, restarting, removing, exited, dead
  bool running = false;
  int pid = 0;  // of its first process, as its host sees it; 0 while it does not run
  int exit_code = 0;
  bool oom_killed = false;
  int restarts = 0;    // by the daemon, since it was started
  std::string error;   // docker's words on a failed start
  std::string health;  // "", starting, healthy, unhealthy
  std::string health_output;
  std::string restart_policy;  // as compose writes it: "no", "always", "on-failure:3"
  bool tty = false;
  // From SIGTERM to SIGKILL, as the container was made; unset: docker's default.
  std::optional<core::Duration> stop_timeout{};
  core::SystemTime created{}, started{}, finished{};  // the epoch where it never happened
  core::SystemTime asked{};                           // when the engine answered this, by its clock
  std::string network_mode;                           // the first network's name
  std::map<std::string, std::string> networks;        // name to IP address, empty while stopped
  std::vector<PublishedPort> ports;                   // as they are now
  std::vector<PortBinding> bindings;                  // as it was made
  std::int64_t memory_limit = 0;                      // bytes; 0: none
  std::string json;                                   // the whole answer
};

struct LayerProgress {
  std::string layer;  // short id; empty for the image as a whole
  std::string status;
  std::int64_t current = 0, total = 0;
};

}  // namespace bgdeploy::engine
