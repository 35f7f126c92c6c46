// What the tests of examples/NAME stand on: a copy of that folder, run as its CI runs it, with nothing
// changed but environment variables; and a load that goes through the example's own proxy.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "scenario.hpp"

namespace e2e {

// Containers by name, each with what changes when it is replaced, restarted or stopped.
using Containers = std::map<std::string, std::string>;

class Example : public ::testing::Test {
protected:
  void SetUp() override;
  void TearDown() override;

  // Copies examples/NAME into the workspace, and names the environment's SSH_KEY and KNOWN_HOSTS after what
  // these hosts accept.
  void use_example(const std::string& name, const std::vector<const Lab*>& hosts);
  // A file of the copy.
  std::string file(const std::string& name) const;
  void write_file(const std::string& name, const std::string& content) const;
  // From here on an empty folder instead, with the spec that `init` writes from what runs on these hosts, and
  // from these files of the example. The host's key and login come from the environment.
  std::string init_from(const std::vector<std::string>& targets, const Words& files = {});
  // What a spec of `init` says of the containers that it was written from: a deploy of theirs has nothing to
  // do.
  void nothing_to_do(const std::string& tag, const std::string& spec) const;
  void set_environment(const std::string& name, const std::string& value) { m_environment[name] = value; }
  const std::string& folder() const { return m_folder; }

  // Where users come in: a URL as they type it, answered by that host.
  void use_front(const Lab& lab, const std::string& url);
  // The version that users get, "" when none.
  std::string served() const { return served_by(*m_front); }
  // The same of another host that stands in for it.
  std::string served_by(const Lab& lab) const;
  // On the front, and on other hosts that stand in for it.
  void start_load(const std::vector<Lab*>& beside = {});
  // The front's summary, as it is.
  nlohmann::json stop_load();
  // The same, and fails the test when a request failed, on whichever host.
  nlohmann::json stop_load_expect_all();

  // Global options of every run: ("-f", "bgdeploy.docker.yml").
  void use_options(const Words& options) { m_options = options; }
  // `shown`: its stdout goes to stderr, whose lines can be waited for.
  Process start_bgdeploy(const Words& arguments, bool shown = false) const;
  Finished bgdeploy(const Words& arguments) const;
  Finished deploy(const std::string& tag) const;
  // Exit code 1, `says` on the screen, and `version` served as before.
  void deploy_broken(const std::string& tag, const std::string& says, const std::string& version) const;
  void roll_back_to(const std::string& version) const;
  // Exit code 0, and `version` (the tag when not given) is served.
  void deploy_well(const std::string& tag, const std::string& version = "") const;

private:
  std::vector<nlohmann::json> stop_loads();

  std::string m_workspace, m_folder;
  Environment m_environment;
  Words m_options;
  const Lab* m_front = nullptr;
  std::string m_url;
  std::vector<std::unique_ptr<Load>> m_loads;  // the front's first
};

// `text` with every `from` replaced. Throws when there is none: a test must not go on with what it did not
// change.
std::string replaced(std::string text, const std::string& from, const std::string& to);

Containers containers_on(const Lab& lab);

// A certificate of a day for that name, where nginx's configuration expects it.
void make_certificate(const Lab& lab, const std::string& certificate, const std::string& key,
                      const std::string& name);

}  // namespace e2e
