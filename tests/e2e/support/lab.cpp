#include "lab.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace e2e {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// NAME=value or NAME='value' a line.
std::map<std::string, std::string> parse_env(const std::string& text) {
  std::map<std::string, std::string> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto at = line.find('=');
    auto value = line.substr(at + 1);
    if (value.size() >= 2 && value.front() == '\'') value = value.substr(1, value.size() - 2);
    out[line.substr(0, at)] = value;
  }
  return out;
}

std::string temporary_folder() {
  std::string path = fs::temp_directory_path() / "bgdeploy-e2e-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp " + path);
  return path;
}

const std::vector<std::string> k_site_folders = {"/etc/nginx", "/etc/nginx/conf.d",
                                                 "/etc/nginx/sites-enabled"};

}  // namespace

Lab::Lab(const LabOptions& options) : m_folder(temporary_folder()) {
  Words words{"up", "--parent", std::to_string(::getpid())};
  const auto option = [&](const char* name, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {name, value});
  };
  option("--without", options.without);
  option("--user", options.user);
  option("--registry-port", options.registry_port);
  words.push_back(m_folder + "/lab");
  const auto up = call(words);
  if (up.exit_code != 0) throw std::runtime_error("lab up: " + up.both());
  m_env = parse_env(slurp(m_folder + "/lab/env"));
  if (!has("nginx")) return;
  for (const auto& folder : k_site_folders)
    for (const auto& entry : fs::directory_iterator(env("LAB_ROOT") + folder))
      if (entry.is_regular_file())
        m_site_files[folder + "/" + entry.path().filename().string()] = slurp(entry);
}

Lab::~Lab() {
  call({"down", m_folder + "/lab"});
  std::error_code ignored;
  fs::remove_all(m_folder, ignored);
}

Finished Lab::call(const Words& argv) const {
  Command command{{BGDEPLOY_LAB}, {{"PATH", k_path}, {"BGDEPLOY_LAB_APP", BGDEPLOY_LAB_APP}}};
  command.argv.insert(command.argv.end(), argv.begin(), argv.end());
  return run(command);
}

Finished Lab::exec(const Words& argv) const {
  Words words{"exec", m_folder + "/lab", "--"};
  words.insert(words.end(), argv.begin(), argv.end());
  return call(words);
}

void Lab::add_compose_v2() const {
  auto found = run({{BGDEPLOY_COMPOSE_V2}, {{"PATH", k_path}, {"HOME", std::getenv("HOME")}}});
  if (found.exit_code != 0) throw std::runtime_error("compose-v2: " + found.both());
  found.out.pop_back();
  for (const auto& of : {std::string("/root"), home()}) {
    const auto folder = env("LAB_ROOT") + of + "/.docker/cli-plugins";
    fs::create_directories(folder);
    fs::copy_file(found.out, folder + "/docker-compose", fs::copy_options::overwrite_existing);
  }
}

std::string Lab::home() const {
  return env("LAB_USER") == "root" ? "/root" : "/home/" + env("LAB_USER");
}

bool Lab::has(const std::string& service) const {
  return ("," + env("LAB_WITHOUT") + ",").find("," + service + ",") == std::string::npos;
}

std::string Lab::sh(const std::string& script, const Environment& environment) const {
  Words words{"setpriv",
              "--reuid",
              env("LAB_USER"),
              "--regid",
              env("LAB_USER"),
              "--init-groups",
              "env",
              "-i",
              std::string("PATH=") + k_path,
              "HOME=" + home()};
  for (const auto& [name, value] : environment) words.push_back(name + "=" + value);
  words.insert(words.end(), {"sh", "-ec", "cd; " + script});
  auto finished = exec(words);
  if (finished.exit_code != 0) throw std::runtime_error(script + ": " + finished.both());
  return finished.out;
}

void Lab::upload(const std::string& folder, const std::string& path) const {
  fs::copy(folder, env("LAB_ROOT") + path,
           fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  exec({"chown", "-R", env("LAB_USER") + ":", path});
}

void Lab::link(const Lab& other) const {
  const auto linked = call({"link", m_folder + "/lab", other.m_folder + "/lab"});
  if (linked.exit_code != 0) throw std::runtime_error("lab link: " + linked.both());
}

Command Lab::net(const Words& argv) const {
  Command command{{"nsenter", "-t", env("LAB_PID"), "-n", "--"}, {{"PATH", k_path}}};
  command.argv.insert(command.argv.end(), argv.begin(), argv.end());
  return command;
}

std::string Lab::docker(const Words& argv) const {
  Command command{{"docker"}, {{"PATH", k_path}, {"DOCKER_HOST", env("LAB_DOCKER")}, {"HOME", m_folder}}};
  command.argv.insert(command.argv.end(), argv.begin(), argv.end());
  auto finished = run(command);
  if (finished.exit_code != 0) throw std::runtime_error("docker " + argv.front() + ": " + finished.both());
  while (finished.out.ends_with('\n')) finished.out.pop_back();
  return finished.out;
}

std::optional<std::string> Lab::read(const std::string& path) const {
  const auto real = env("LAB_ROOT") + path;
  if (!fs::is_regular_file(real)) return std::nullopt;
  return slurp(real);
}

void Lab::write(const std::string& path, const std::string& content) const {
  std::ofstream file(env("LAB_ROOT") + path, std::ios::binary | std::ios::trunc);
  file << content;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

void Lab::remove(const std::string& path) const {
  fs::remove(env("LAB_ROOT") + path);
}

void Lab::image(const std::string& tag, const Environment& environment) {
  if (!m_tags.contains(tag)) push_again(tag, environment);
}

void Lab::push_again(const std::string& tag, const Environment& environment) {
  Words words{"image", m_folder + "/lab", tag};
  for (const auto& [name, value] : environment) words.push_back(name + "=" + value);
  const auto pushed = call(words);
  if (pushed.exit_code != 0) throw std::runtime_error("lab image: " + pushed.both());
  m_tags.insert(tag);
}

void Lab::stand_in(const std::string& image) const {
  const auto pushed = run({{BGDEPLOY_STAND_IN, m_folder + "/lab", image},
                           {{"PATH", k_path}, {"HOME", m_folder}, {"BGDEPLOY_LAB_APP", BGDEPLOY_LAB_APP}}});
  if (pushed.exit_code != 0) throw std::runtime_error("stand-in: " + pushed.both());
}

void Lab::registry(const std::string& stop_or_start) const {
  const auto done = call({"registry", m_folder + "/lab", stop_or_start});
  if (done.exit_code != 0) throw std::runtime_error("lab registry: " + done.both());
}

Page Lab::get(const std::string& path, int port) const {
  Page page;
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, env("LAB_ADDRESS").c_str(), &address.sin_addr);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const auto request = "GET " + path + " HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n";
    ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    std::array<char, 16384> data;
    for (auto got = ::recv(fd, data.data(), data.size(), 0); got > 0;
         got = ::recv(fd, data.data(), data.size(), 0))
      answer.append(data.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  const auto end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return page;
  page.status = std::atoi(answer.c_str() + answer.find(' '));
  page.body = answer.substr(end + 4);
  return page;
}

void Lab::reset() {
  m_tags.clear();  // a test may have moved some
  const std::string root = env("LAB_ROOT");
  for (const auto& folder : {std::string("/root"), home()})
    for (const auto& entry : fs::directory_iterator(root + folder)) fs::remove_all(entry.path());
  std::string script = "true";
  if (has("nginx")) {
    for (const auto& folder : k_site_folders)
      for (const auto& entry : fs::directory_iterator(root + folder))
        if (!entry.is_directory()) fs::remove(entry.path());
    for (const auto& [path, content] : m_site_files) write(path, content);
    script += " && nginx -s reload";
  }
  if (has("docker"))
    script +=
        " && docker ps -aq | xargs -r docker rm -f -v && docker image prune -af && docker network prune -f";
  const auto cleaned = exec({"sh", "-c", script});
  if (cleaned.exit_code != 0) throw std::runtime_error("reset: " + cleaned.both());
}

}  // namespace e2e
