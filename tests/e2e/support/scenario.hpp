// What every end-to-end test stands on: one lab a program, one workspace and one clean host a test, the
// bgdeploy binary run as a user runs it, and the load that must not lose a request.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lab.hpp"

namespace e2e {

constexpr const char* k_include = "/etc/nginx/conf.d/service-url.inc";
constexpr const char* k_service = "shop";

// Top-level sections of bgdeploy.yml by key, each with its whole text ("drain: {timeout: 5s}").
using Sections = std::map<std::string, std::string>;

// A line of `--progress json`. Values that an event does not carry are empty.
struct Event {
  std::string name, step, host;
  nlohmann::json all = nlohmann::json::object();
};
std::optional<Event> parse_event(std::string_view line);
std::vector<Event> events_in(const std::string& err);
// The last event of a run: deploy.finished or rollback.finished.
Event last_event(const Finished& finished);

std::string bgdeploy_binary();

// Options of bgload, as it takes them.
struct LoadOptions {
  int rate = 200;
  int slow_ms = 3000;
  bool keep_alive = false;
  std::string url = "http://127.0.0.1/";  // as seen on the host; another address: from this machine
  std::string host = "";                  // in the place of the address, in the request and for TLS
};

class Load {
public:
  Load(const Lab& lab, const LoadOptions& options);
  // Ends the load, waits for what is in flight, and returns its summary.
  nlohmann::json stop();

private:
  Process m_process;
};

// What a deploy that failed before the switch must leave: the same release served, the same include byte for
// byte, the same nginx workers, the same containers in the same states.
struct World {
  std::string served, include, workers;
  Words all, running;
  bool operator==(const World&) const = default;
};
std::ostream& operator<<(std::ostream& stream, const World& world);

class Scenario : public ::testing::Test {
protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;
  void TearDown() override;

  static Lab& lab() { return *s_lab; }
  const std::string& workspace() const { return m_workspace; }

  // bgdeploy.yml of the workspace: the defaults of default_sections(), with these in their place. An empty
  // text leaves the section out.
  void write_spec(const Sections& sections = {});
  Sections default_sections() const;
  // Environment variables of later bgdeploy runs.
  void set_environment(const std::string& name, const std::string& value) { m_environment[name] = value; }

  Command bgdeploy_command(const Words& arguments) const;
  Process start_bgdeploy(const Words& arguments) const;
  Finished bgdeploy(const Words& arguments, Duration deadline = std::chrono::minutes{2}) const;
  Finished deploy(const std::string& tag) const { return bgdeploy({"deploy", "--tag", tag}); }
  // As deploy, and fails the test when the exit code is not 0.
  void deploy_well(const std::string& tag) const;

  void start_load(const LoadOptions& options = {});
  // Ends the load and fails the test when a single request failed. Returns the summary.
  nlohmann::json stop_load();

  // The version that nginx serves, "" when it does not answer with one.
  std::string served() const;
  std::string include() const { return lab().read(k_include).value_or(""); }
  // "blue" or "green", from the port that the include names; "" when it names neither.
  std::string live_slot() const;
  std::string idle_slot() const { return live_slot() == "blue" ? "green" : "blue"; }
  // Names of all containers ("shop-blue"), running or not, sorted.
  Words containers(bool running_only = false) const;
  std::string container_id(const std::string& slot) const;
  std::string container_state(const std::string& slot) const;

  World world() const;

private:
  static std::unique_ptr<Lab> s_lab;
  std::string m_workspace;
  std::map<std::string, std::string> m_environment;
  std::unique_ptr<Load> m_load;
};

std::ostream& operator<<(std::ostream& stream, const Event& event);

}  // namespace e2e
