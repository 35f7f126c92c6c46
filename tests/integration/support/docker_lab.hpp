// A docker daemon of one's own, with registries on loopback, in a network namespace of this process: nothing
// of the machine's docker, iptables or ports is touched. Needs root. All of it ends with the process, however
// that ends.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bgdeploy/runtime/runtime.hpp"

namespace bgdeploy::testing {

class DockerLab {
public:
  static constexpr const char* k_username = "ci";
  static constexpr const char* k_password = "pass \"wörd\"";

  // Started at first use. Throws when it cannot be: a test that cannot run has failed.
  static DockerLab& get();

  ~DockerLab();
  DockerLab(const DockerLab&) = delete;

  const std::filesystem::path& folder() const { return m_folder; }
  std::filesystem::path socket() const { return m_folder / "docker.sock"; }

  // The daemon's process, whose pid namespace has those of its containers.
  pid_t daemon() const;

  // Runs docker's own command line; its stdout without the last newline. Throws when it fails.
  std::string docker(const std::vector<std::string>& argv);
  // An image with the test program as /app; `changes` are Dockerfile instructions. Its payload makes it an
  // image of its own.
  void import_image(const std::string& reference, const std::vector<std::string>& changes,
                    const std::string& payload = {});

  // "127.0.0.1:5000" without and ":5001" with a password, over the same storage.
  std::string open_registry();
  std::string closed_registry();
  // Imports and pushes; the digest that the registry has for it. The daemon forgets the image again.
  std::string publish(const std::string& repository, const std::string& tag, const std::string& payload = {});

private:
  DockerLab();
  void start_registry(int port, bool password);
  pid_t spawn(const std::vector<std::string>& argv, const std::string& log);

  std::filesystem::path m_folder;
  std::string m_cgroup;
  std::vector<pid_t> m_children;
  bool m_open = false, m_closed = false;
};

// A host that is this machine with the lab's daemon, a runtime on it, and a spec to change. Containers,
// networks and volumes that are there at its end are removed.
class Docker {
public:
  explicit Docker(const std::function<void(spec::Spec&)>& change = {},
                  const runtime::SecretValues& secrets = {});
  ~Docker();
  Docker(const Docker&) = delete;

  runtime::Runtime& runtime() { return *m_docker.runtime; }
  runtime::Images& images() { return *m_docker.images; }
  const spec::Spec& spec() const { return m_spec; }
  // What the spec asks for, of a local image "app:1".
  plan::Launch launch(std::vector<std::string> command = {"/app", "serve"}) const;
  // Launched, and its process ready for signals.
  plan::Container launch_ready(std::size_t slot, const plan::Launch& launch);
  std::string inspect(const std::string& id, const std::string& go_template);

private:
  spec::Spec m_spec;
  std::unique_ptr<host::Host> m_host;
  runtime::OnHost m_docker;
};

inline core::Wait soon() {
  return core::Wait::for_at_most(std::chrono::seconds(60));
}

}  // namespace bgdeploy::testing
