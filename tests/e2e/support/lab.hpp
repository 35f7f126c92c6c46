// A throw-away host (tests/lab/lab) as a value: up on construction, gone on destruction or with this process.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "process.hpp"

namespace e2e {

using Words = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;

struct Page {
  int status = 0;  // 0: no answer
  std::string body;
};

// As `lab up` takes them.
struct LabOptions {
  std::string without;        // "docker,registry,nginx"
  std::string user;           // "NAME[:GROUP]"; empty: root
  std::string registry_port;  // one more
};

class Lab {
public:
  explicit Lab(const LabOptions& options = {});
  ~Lab();
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  const std::string& folder() const { return m_folder; }
  // A value of DIR/env: LAB_ADDRESS, LAB_IDENTITY_FILE, …
  const std::string& env(const std::string& name) const { return m_env.at(name); }

  // Runs a command on the host; with `net`, a command of this machine in the host's network only.
  Finished exec(const Words& argv) const;
  // What must succeed, under `sh -c` as the login user in its home; its stdout. Throws when it fails.
  std::string sh(const std::string& script, const Environment& environment = {}) const;
  Command net(const Words& argv) const;
  // The docker command line against the host's engine; its stdout without the last newline. Throws when it
  // fails: a broken set-up.
  std::string docker(const Words& argv) const;

  // A file as the host sees it.
  std::optional<std::string> read(const std::string& path) const;
  void write(const std::string& path, const std::string& content) const;
  void remove(const std::string& path) const;

  // Pushes the test application under this [repository:]tag, with the behaviour its environment says
  // (app/app.cpp). Nothing is done when the tag was pushed before; push_again() moves it.
  void image(const std::string& tag, const Environment& environment = {});
  void push_again(const std::string& tag, const Environment& environment);
  // Pushes what stands in for a public image (tests/lab/stand-in): "nginx:latest".
  void stand_in(const std::string& image) const;
  void registry(const std::string& stop_or_start) const;

  // GET through the host's nginx, or straight to another port.
  Page get(const std::string& path, int port = 80) const;

  // `docker compose` (tests/lab/compose-v2) for root and for the login user, until reset().
  void add_compose_v2() const;
  // A cable between the two: from now on each reaches the other's LAB_ADDRESS.
  void link(const Lab& other) const;
  std::string home() const;
  // Copies a folder of this machine to `path` on the host, for the login user.
  void upload(const std::string& folder, const std::string& path) const;

  // As after `up`: no containers, no images, default site files, empty home.
  void reset();

private:
  Finished call(const Words& argv) const;
  bool has(const std::string& service) const;

  std::string m_folder;
  std::map<std::string, std::string> m_env;
  std::set<std::string> m_tags;
  std::map<std::string, std::string> m_site_files;
};

}  // namespace e2e
