#include "docker_lab.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/io/child.hpp"

namespace bgdeploy::testing {
namespace {

namespace fs = std::filesystem;

// bcrypt of DockerLab::k_password.
constexpr std::string_view k_password_hash = "$2y$05$TdDWCNe5oh7AwC.qvchw4OeGw9xvW.FEw2LkWuWxPuPk9nwvU5JAS";
constexpr int k_open_port = 5000, k_closed_port = 5001;

void check(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

void until(const std::string& what, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("not in time: " + what);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

std::string run(const std::vector<std::string>& argv) {
  const auto output = io::run_child(argv, "", soon());
  if (!output) throw std::runtime_error(argv.front() + ": " + output.error().message);
  if (!output->ok()) throw std::runtime_error(core::shell_join(argv) + ": " + output->err);
  return std::string(core::trim(output->out));
}

// Threads that exist already stay behind, so this comes before any.
void enter_own_network() {
  check(unshare(CLONE_NEWNET) == 0, "a network namespace needs root");
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  check(ioctl(fd, SIOCSIFFLAGS, &request) == 0, "lo");
  close(fd);
}

bool listens(int port) {
  spec::Host local;
  local.name = "local";
  local.local = true;
  const auto here = host::connect(local, soon());
  return here && (*here)->reachable(host::TcpEndpoint{"127.0.0.1", port}, soon());
}

}  // namespace

DockerLab& DockerLab::get() {
  static DockerLab lab;
  return lab;
}

DockerLab::DockerLab() : m_folder("/tmp/bgdeploy-docker-XXXXXX") {
  std::string folder = m_folder;
  check(mkdtemp(folder.data()) != nullptr, "mkdtemp");
  m_folder = folder;
  m_cgroup = "bgdeploy-test-" + std::to_string(getpid());
  enter_own_network();
  std::ofstream(m_folder / "daemon.json") << "{}";
  // In a pid namespace of its own, so that containers and their helpers die with it, whatever happens.
  spawn({"unshare",
         "--mount",
         "--pid",
         "--fork",
         "--mount-proc",
         "--kill-child",
         "dockerd",
         "--config-file",
         m_folder / "daemon.json",
         "--data-root",
         m_folder / "data",
         "--exec-root",
         m_folder / "exec",
         "--pidfile",
         m_folder / "dockerd.pid",
         "--host",
         "unix://" + socket().string(),
         "--cgroup-parent",
         "/" + m_cgroup,
         "--exec-opt",
         "native.cgroupdriver=cgroupfs"},
        "dockerd.log");
  setenv("DOCKER_HOST", ("unix://" + socket().string()).c_str(), 1);
  until("dockerd", [] {
    const auto output = io::run_child({"docker", "version"}, "", soon());
    return output && output->ok();
  });
  import_image("app:1", {"CMD [\"/app\", \"serve\"]", "ENV FROM_IMAGE=yes", "LABEL image.label=1"});
}

DockerLab::~DockerLab() {
  for (const auto child : m_children) kill(child, SIGKILL);
  for (const auto child : m_children) waitpid(child, nullptr, 0);
  // Its containers' groups stay behind, and are busy until the last of their processes is reaped.
  try {
    until("cgroups", [&] {
      const auto left = run({"find", "/sys/fs/cgroup", "-depth", "-type", "d", "(", "-path", "*/" + m_cgroup,
                             "-o", "-path", "*/" + m_cgroup + "/*", ")"});
      for (const auto& group : core::split_lines(left)) rmdir(group.c_str());
      return left.empty();
    });
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  std::error_code ignored;
  fs::remove_all(m_folder, ignored);
}

pid_t DockerLab::spawn(const std::vector<std::string>& argv, const std::string& log) {
  const int output = open((m_folder / log).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t child = fork();
  check(child >= 0, "fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, 1);
    dup2(output, 2);
    execvp(words.front(), words.data());
    _exit(127);
  }
  close(output);
  m_children.push_back(child);
  return child;
}

pid_t DockerLab::daemon() const {
  pid_t pid = 0;
  std::ifstream(fmt::format("/proc/{0}/task/{0}/children", m_children.front())) >> pid;
  return pid;
}

std::string DockerLab::docker(const std::vector<std::string>& argv) {
  std::vector<std::string> command{"docker"};
  command.insert(command.end(), argv.begin(), argv.end());
  return run(command);
}

void DockerLab::import_image(const std::string& reference, const std::vector<std::string>& changes,
                             const std::string& payload) {
  const auto root = m_folder / "image";
  fs::create_directories(root);
  fs::copy_file(BGDEPLOY_DOCKER_APP, root / "app", fs::copy_options::overwrite_existing);
  std::ofstream(root / "payload", std::ios::trunc) << payload;
  const auto archive = m_folder / "image.tar";
  run({"tar", "-C", root, "-cf", archive, "."});
  std::vector<std::string> command{"import"};
  for (const auto& change : changes) command.insert(command.end(), {"--change", change});
  command.insert(command.end(), {archive.string(), reference});
  docker(command);
}

void DockerLab::start_registry(int port, bool password) {
  const auto config = m_folder / fmt::format("registry-{}.yml", port);
  std::ofstream out(config);
  out << "version: 0.1\nlog: {level: warn, accesslog: {disabled: true}}\nstorage: {filesystem: "
         "{rootdirectory: "
      << (m_folder / "registry").string() << "}}\nhttp: {addr: \"127.0.0.1:" << port << "\"}\n";
  if (password) {
    std::ofstream(m_folder / "htpasswd") << k_username << ":" << k_password_hash << "\n";
    out << "auth: {htpasswd: {realm: lab, path: " << (m_folder / "htpasswd").string() << "}}\n";
  }
  out.close();
  spawn({"docker-registry", "serve", config}, fmt::format("registry-{}.log", port));
  until("docker-registry", [&] { return listens(port); });
}

std::string DockerLab::open_registry() {
  if (!m_open) start_registry(k_open_port, false);
  m_open = true;
  return fmt::format("127.0.0.1:{}", k_open_port);
}

std::string DockerLab::closed_registry() {
  if (!m_closed) start_registry(k_closed_port, true);
  m_closed = true;
  return fmt::format("127.0.0.1:{}", k_closed_port);
}

std::string DockerLab::publish(const std::string& repository, const std::string& tag,
                               const std::string& payload) {
  const auto reference = fmt::format("{}/{}:{}", open_registry(), repository, tag);
  import_image(reference, {"CMD [\"/app\", \"serve\"]"}, payload);
  docker({"push", "--quiet", reference});
  const auto digest = docker({"inspect", "--format", "{{index .RepoDigests 0}}", reference});
  docker({"rmi", "--force", docker({"inspect", "--format", "{{.Id}}", reference})});
  return digest.substr(digest.find('@') + 1);
}

Docker::Docker(const std::function<void(spec::Spec&)>& change, const runtime::SecretValues& secrets) {
  DockerLab::get();
  spec::Host local;
  local.name = "local";
  local.local = true;
  m_spec.service = "shop";
  m_spec.image = "app";
  m_spec.app_hosts = {local};
  m_spec.slots = {spec::Slot{"blue", 8081, "shop-blue"}, spec::Slot{"green", 8082, "shop-green"}};
  if (change) change(m_spec);
  m_host = std::move(host::connect(local, soon()).value());
  m_docker = runtime::open(*m_host, m_spec, {}, 0, secrets, soon()).value();
}

Docker::~Docker() {
  auto& lab = DockerLab::get();
  for (const auto& [list, remove] :
       {std::pair<std::vector<std::string>, std::vector<std::string>>{{"ps", "-aq"}, {"rm", "-f", "-v"}},
        {{"network", "ls", "-q", "--filter", "type=custom"}, {"network", "rm"}},
        {{"volume", "ls", "-q"}, {"volume", "rm"}}}) {
    auto command = remove;
    const auto found = core::split_lines(lab.docker(list));
    command.insert(command.end(), found.begin(), found.end());
    if (!found.empty()) lab.docker(command);
  }
}

plan::Launch Docker::launch(std::vector<std::string> command) const {
  plan::Launch launch{{"release-1", "1", "app", ""}, m_spec.docker};
  std::get<spec::Docker>(launch.with).command = std::move(command);
  return launch;
}

plan::Container Docker::launch_ready(std::size_t slot, const plan::Launch& launch) {
  const auto container = runtime().launch(slot, launch, soon());
  if (!container) throw std::runtime_error(container.error().message);
  std::stop_source ready;
  const auto wait = core::Wait::for_at_most(std::chrono::seconds(60), ready.get_token());
  const auto read = runtime().logs(
      container->id, {.follow = true},
      [&](const runtime::LogLine& line) {
        if (line.text == "ready") ready.request_stop();
      },
      wait);
  if (!ready.stop_requested()) throw std::runtime_error("the container never became ready");
  return *container;
}

std::string Docker::inspect(const std::string& id, const std::string& go_template) {
  return DockerLab::get().docker({"inspect", "--format", go_template, id});
}

}  // namespace bgdeploy::testing
