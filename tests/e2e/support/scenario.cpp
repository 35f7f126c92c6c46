#include "scenario.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace e2e {
namespace {

namespace fs = std::filesystem;

Words lines_of(const std::string& text) {
  Words out;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    if (!line.empty()) out.push_back(line);
  std::ranges::sort(out);
  return out;
}

Words load_arguments(const LoadOptions& options) {
  Words argv{BGDEPLOY_LOAD, "--rate", std::to_string(options.rate), "--slow-ms",
             std::to_string(options.slow_ms)};
  if (options.keep_alive) argv.push_back("--keep-alive");
  if (!options.host.empty()) argv.insert(argv.end(), {"--host", options.host});
  argv.push_back(options.url);
  return argv;
}

}  // namespace

std::string bgdeploy_binary() {
  const char* given = std::getenv("BGDEPLOY");
  return given ? given : BGDEPLOY_BINARY;
}

std::optional<Event> parse_event(std::string_view line) {
  if (!line.starts_with('{')) return std::nullopt;
  Event event;
  event.all = nlohmann::json::parse(line, nullptr, false);
  if (event.all.is_discarded()) return std::nullopt;
  event.name = event.all.value("event", "");
  event.step = event.all.value("step", "");
  event.host = event.all.value("host", "");
  return event;
}

std::vector<Event> events_in(const std::string& err) {
  std::vector<Event> out;
  std::istringstream stream(err);
  for (std::string line; std::getline(stream, line);)
    if (auto event = parse_event(line)) out.push_back(std::move(*event));
  return out;
}

Event last_event(const Finished& finished) {
  auto events = events_in(finished.err);
  return events.empty() ? Event{} : events.back();
}

std::ostream& operator<<(std::ostream& stream, const Event& event) {
  return stream << event.all.dump();
}

Load::Load(const Lab& lab, const LoadOptions& options)
    : m_process(options.url.find("//127.") != std::string::npos ? lab.net(load_arguments(options))
                                                                : Command{load_arguments(options), {}}) {
  if (!m_process.wait_for_line(std::chrono::seconds{60},
                               [](std::string_view line) { return line == "started"; }))
    ADD_FAILURE() << "the load got no answer" << m_process.err();
}

nlohmann::json Load::stop() {
  EXPECT_TRUE(m_process.running()) << "the load ended by itself, and nobody counted from then on";
  m_process.signal(SIGTERM);
  const auto finished = m_process.wait(std::chrono::seconds{30});
  auto summary = nlohmann::json::parse(finished.out, nullptr, false);
  if (summary.is_discarded()) ADD_FAILURE() << "the load did not end well" << finished;
  return summary;
}

std::unique_ptr<Lab> Scenario::s_lab;

void Scenario::SetUpTestSuite() {
  s_lab = std::make_unique<Lab>();
}

void Scenario::TearDownTestSuite() {
  s_lab.reset();
}

void Scenario::SetUp() {
  lab().reset();
  m_workspace = lab().folder() + "/workspace";
  fs::remove_all(m_workspace);
  fs::create_directories(m_workspace + "/home");
  m_environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                   {"HOME", m_workspace + "/home"},
                   {"LC_ALL", "C.UTF-8"},
                   {"TMPDIR", m_workspace}};
}

void Scenario::TearDown() {
  if (m_load) stop_load();
}

Sections Scenario::default_sections() const {
  return {
      {"service", std::string("service: ") + k_service},
      {"image", "image: " + lab().env("LAB_IMAGE")},
      {"hosts", "hosts: {app: [root@" + lab().env("LAB_ADDRESS") + "]}"},
      {"ssh", "ssh: {identity_file: " + lab().env("LAB_IDENTITY_FILE") +
                  ", known_hosts_file: " + lab().env("LAB_KNOWN_HOSTS") + "}"},
      {"slots", "slots: {blue: 8081, green: 8082}"},
      {"docker", "docker: {container_port: 8080, stop_grace_period: 10s}"},
      {"health",
       "health: {http: {path: /health, body: server is on}, interval: 100ms, timeout: 1s, deadline: 15s}"},
      {"proxy", std::string("proxy: {nginx: {include: ") + k_include + "}}"},
      {"drain", "drain: {timeout: 20s}"},
  };
}

void Scenario::write_spec(const Sections& sections) {
  auto all = default_sections();
  for (const auto& [key, text] : sections) all[key] = text;
  std::ofstream file(m_workspace + "/bgdeploy.yml");
  for (const auto& [key, text] : all)
    if (!text.empty()) file << text << '\n';
}

Command Scenario::bgdeploy_command(const Words& arguments) const {
  Command command{{bgdeploy_binary()}, m_environment, m_workspace};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  return command;
}

Process Scenario::start_bgdeploy(const Words& arguments) const {
  return Process(bgdeploy_command(arguments));
}

Finished Scenario::bgdeploy(const Words& arguments, Duration deadline) const {
  return run(bgdeploy_command(arguments), deadline);
}

void Scenario::deploy_well(const std::string& tag) const {
  const auto finished = deploy(tag);
  EXPECT_EQ(finished.exit_code, 0) << "deploy of " << tag << finished;
  EXPECT_EQ(served(), tag);
}

void Scenario::start_load(const LoadOptions& options) {
  m_load = std::make_unique<Load>(lab(), options);
}

nlohmann::json Scenario::stop_load() {
  const auto load = std::move(m_load);
  auto summary = load->stop();
  EXPECT_EQ(summary.value("failed", -1), 0) << summary.dump(1);
  EXPECT_GT(summary.value("ok", 0), 0) << summary.dump(1);
  return summary;
}

std::string Scenario::served() const {
  constexpr std::string_view k_name = "version=";
  auto body = lab().get("/version").body;
  if (!body.starts_with(k_name)) return "";
  return body.substr(k_name.size(), body.find('\n') - k_name.size());
}

std::string Scenario::live_slot() const {
  const auto text = include();
  if (text.find(":8081") != std::string::npos) return "blue";
  return text.find(":8082") != std::string::npos ? "green" : "";
}

Words Scenario::containers(bool running_only) const {
  return lines_of(lab().docker({"ps", "--format", "{{.Names}}", running_only ? "--no-trunc" : "--all"}));
}

std::string Scenario::container_id(const std::string& slot) const {
  return lab().docker({"inspect", "-f", "{{.Id}}", k_service + ("-" + slot)});
}

std::string Scenario::container_state(const std::string& slot) const {
  return lab().docker({"inspect", "-f", "{{.State.Status}}", k_service + ("-" + slot)});
}

World Scenario::world() const {
  const auto workers =
      lab().exec({"sh", "-c", "ps -o pid=,args= --ppid $(cat /run/nginx.pid) | grep -v shutting"});
  return {served(), include(), workers.out, containers(), containers(true)};
}

std::ostream& operator<<(std::ostream& stream, const World& world) {
  stream << "served: " << world.served << "\ninclude: " << world.include << "\nworkers:\n" << world.workers;
  for (const auto& name : world.all) stream << name << ' ';
  stream << "of which run: ";
  for (const auto& name : world.running) stream << name << ' ';
  return stream << '\n';
}

}  // namespace e2e
