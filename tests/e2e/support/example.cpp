#include "example.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace e2e {
namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

// Failed and sent of each kind of client.
void print(const nlohmann::json& summary) {
  std::string line = "           load:";
  for (const auto& [client, count] : summary["clients"].items())
    line += " " + client + " " + count["failed"].dump() + "/" + count["sent"].dump();
  std::printf("%s failed, %d sent once more, slowest %.0f ms\n", line.c_str(), summary.value("retried", -1),
              summary.value("max_latency_ms", -1.0));
}

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const auto from = text.find(begin);
  if (from == std::string::npos) return "";
  const auto start = from + begin.size();
  return text.substr(start, text.find(end, start) - start);
}

}  // namespace

void Example::SetUp() {
  std::string path = fs::temp_directory_path() / "bgdeploy-example-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp " + path);
  m_workspace = path;
  fs::create_directory(m_workspace + "/home");
  m_environment = {
      {"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOME", m_workspace + "/home"}, {"LC_ALL", "C.UTF-8"}};
}

void Example::TearDown() {
  m_loads.clear();
  fs::remove_all(m_workspace);
}

void Example::use_example(const std::string& name, const std::vector<const Lab*>& hosts) {
  m_folder = m_workspace + "/" + name;
  fs::copy(BGDEPLOY_EXAMPLES "/" + name, m_folder, fs::copy_options::recursive);
  // One key for all, as CI has it.
  const auto key = m_workspace + "/key";
  fs::copy_file(hosts.front()->env("LAB_IDENTITY_FILE"), key);
  fs::permissions(key, fs::perms::owner_read);
  const auto pub = slurp(hosts.front()->env("LAB_IDENTITY_FILE") + ".pub");
  std::ofstream known(m_workspace + "/known_hosts");
  for (const auto* host : hosts) {
    known << slurp(host->env("LAB_KNOWN_HOSTS"));
    host->write("/run/lab/authorized_keys", pub);
  }
  set_environment("SSH_KEY", key);
  set_environment("KNOWN_HOSTS", m_workspace + "/known_hosts");
}

std::string Example::init_from(const std::vector<std::string>& targets, const Words& files) {
  const auto desk = m_workspace + "/desk";
  fs::create_directory(desk);
  for (const auto& name : files) fs::copy_file(m_folder + "/" + name, desk + "/" + name);
  m_folder = desk;
  m_options.clear();
  set_environment("BGDEPLOY_IDENTITY_FILE", m_environment.at("SSH_KEY"));
  set_environment("BGDEPLOY_KNOWN_HOSTS_FILE", m_environment.at("KNOWN_HOSTS"));
  Words words{"init"};
  for (const auto& target : targets) words.insert(words.end(), {"--host", target});
  const auto finished = bgdeploy(words);
  if (finished.exit_code != 0) throw std::runtime_error("init: " + finished.both());
  return slurp(m_folder + "/bgdeploy.yml");
}

void Example::nothing_to_do(const std::string& tag, const std::string& spec) const {
  const auto plan = bgdeploy({"plan", "--tag", tag, "--exit-code"});
  EXPECT_EQ(plan.exit_code, 0) << plan << spec;
  EXPECT_NE(plan.out.find("nothing to do"), std::string::npos) << plan;
  const auto deployed = deploy(tag);
  EXPECT_EQ(deployed.exit_code, 0) << deployed;
  EXPECT_NE(deployed.both().find("nothing to do"), std::string::npos) << deployed;
}

std::string Example::file(const std::string& name) const {
  return slurp(m_folder + "/" + name);
}

void Example::write_file(const std::string& name, const std::string& content) const {
  std::ofstream file(m_folder + "/" + name, std::ios::binary);
  file << content;
  if (!file.flush()) throw std::runtime_error("cannot write " + name);
}

void Example::use_front(const Lab& lab, const std::string& url) {
  m_front = &lab;
  m_url = url;
}

std::string Example::served_by(const Lab& lab) const {
  const auto page = run({{"curl", "-skL", "--max-time", "10", "--connect-to",
                          "::" + lab.env("LAB_ADDRESS") + ":", m_url + "/version"},
                         {{"PATH", "/usr/bin:/bin"}}});
  return between(page.out, "version=", "\n");
}

void Example::start_load(const std::vector<Lab*>& beside) {
  const auto scheme = m_url.substr(0, m_url.find("//") + 2);
  const auto authority = m_url.substr(scheme.size());
  const auto colon = authority.find(':');
  std::vector<const Lab*> all{m_front};
  all.insert(all.end(), beside.begin(), beside.end());
  for (const auto* lab : all) {
    LoadOptions options;
    // In all no more than one that stands alone; and a handshake costs more than all the rest of a request.
    options.rate /= static_cast<int>(all.size()) * (scheme == "https://" ? 2 : 1);
    options.url =
        scheme + lab->env("LAB_ADDRESS") + (colon == std::string::npos ? "" : authority.substr(colon)) + "/";
    options.host = authority.substr(0, colon);
    m_loads.push_back(std::make_unique<Load>(*lab, options));
  }
}

std::vector<nlohmann::json> Example::stop_loads() {
  std::vector<nlohmann::json> summaries;
  for (const auto& load : std::exchange(m_loads, {})) summaries.push_back(load->stop());
  return summaries;
}

nlohmann::json Example::stop_load() {
  return stop_loads().front();
}

nlohmann::json Example::stop_load_expect_all() {
  auto summaries = stop_loads();
  for (const auto& summary : summaries) {
    EXPECT_EQ(summary.value("failed", -1), 0) << summary.dump(1);
    EXPECT_GT(summary.value("slow_ok", 0), 0) << summary.dump(1);
    print(summary);
  }
  return summaries.front();
}

Process Example::start_bgdeploy(const Words& arguments, bool shown) const {
  Command command{{bgdeploy_binary()}, m_environment, m_folder};
  if (shown) command.argv.insert(command.argv.begin(), {"/bin/sh", "-c", R"(exec "$0" "$@" >&2)"});
  command.argv.insert(command.argv.end(), m_options.begin(), m_options.end());
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  return Process(command);
}

Finished Example::bgdeploy(const Words& arguments) const {
  return start_bgdeploy(arguments).wait();
}

Finished Example::deploy(const std::string& tag) const {
  return bgdeploy({"deploy", "--tag", tag});
}

void Example::deploy_well(const std::string& tag, const std::string& version) const {
  const auto finished = deploy(tag);
  ASSERT_EQ(finished.exit_code, 0) << "deploy of " << tag << finished;
  ASSERT_EQ(served(), version.empty() ? tag : version) << finished;
}

void Example::deploy_broken(const std::string& tag, const std::string& says,
                            const std::string& version) const {
  const auto finished = deploy(tag);
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_NE(finished.both().find(says), std::string::npos) << "does not say: " << says << finished;
  EXPECT_EQ(served(), version) << finished;
}

void Example::roll_back_to(const std::string& version) const {
  const auto finished = bgdeploy({"rollback"});
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_EQ(served(), version) << finished;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  auto at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error("no '" + from + "' in: " + text);
  for (; at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
  return text;
}

Containers containers_on(const Lab& lab) {
  Containers out;
  std::istringstream names(lab.docker({"ps", "--all", "--format", "{{.Names}}"}));
  for (std::string name; std::getline(names, name);)
    out[name] = lab.docker({"inspect", "-f", "{{.State.Status}} {{.Id}} {{.State.StartedAt}}", name});
  return out;
}

void make_certificate(const Lab& lab, const std::string& certificate, const std::string& key,
                      const std::string& name) {
  const auto made =
      lab.exec({"sh", "-ec",
                "mkdir -p \"${1%/*}\" \"${2%/*}\"\n"
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
                "-subj \"/CN=$3\" -out \"$1\" -keyout \"$2\"",
                "sh", certificate, key, name});
  if (made.exit_code != 0) throw std::runtime_error("certificate: " + made.both());
}

}  // namespace e2e
