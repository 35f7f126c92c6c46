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

class Lab {
public:
  Lab();
  ~Lab();
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  const std::string& folder() const { return m_folder; }
  // A value of DIR/env: LAB_ADDRESS, LAB_IDENTITY_FILE, …
  const std::string& env(const std::string& name) const { return m_env.at(name); }

  // Runs a command on the host; with `net`, a command of this machine in the host's network only.
  Finished exec(const Words& argv) const;
  Command net(const Words& argv) const;
  // The docker command line against the host's engine; its stdout without the last newline. Throws when it
  // fails: a broken set-up.
  std::string docker(const Words& argv) const;

  // A file as the host sees it.
  std::optional<std::string> read(const std::string& path) const;
  void write(const std::string& path, const std::string& content) const;
  void remove(const std::string& path) const;

  // Pushes the test application under this tag, with the behaviour its environment says (app/app.cpp).
  // Nothing is done when the tag was pushed before; push_again() moves it.
  void image(const std::string& tag, const Environment& environment = {});
  void push_again(const std::string& tag, const Environment& environment);
  void registry(const std::string& stop_or_start) const;

  // GET through the host's nginx, or straight to another port.
  Page get(const std::string& path, int port = 80) const;

  // As after `up`: no containers, no images, default site files, empty home.
  void reset();

private:
  Finished call(const Words& argv) const;

  std::string m_folder;
  std::map<std::string, std::string> m_env;
  std::set<std::string> m_tags;
  std::map<std::string, std::string> m_site_files;
};

}  // namespace e2e
