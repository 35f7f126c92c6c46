// Podman in docker's place, behind the socket that the spec names.
#include "scenario.hpp"

namespace e2e {
namespace {

constexpr const char* k_socket = "/run/podman/podman.sock";

class Podman : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    lab().sh(
        "mkdir -p /etc/containers/registries.conf.d /run/podman\n"
        "printf '[[registry]]\\nlocation = \"127.0.0.1:5000\"\\ninsecure = true\\n' "
        ">/etc/containers/registries.conf.d/lab.conf\n"
        "setsid podman --root /var/lib/podman-lab --runroot /run/podman-lab --storage-driver vfs "
        "--cgroup-manager cgroupfs system service --time=0 unix:///run/podman/podman.sock "
        ">/tmp/podman.log 2>&1 </dev/null & echo $! >/run/podman/pid\n"
        "for i in $(seq 600); do test -S /run/podman/podman.sock && exit 0; sleep 0.1; done; cat "
        "/tmp/podman.log; "
        "exit 1");
    write_spec(
        {{"docker", std::string("docker: {stop_grace_period: 1s, environment: {GREETING: hello}, socket: ") +
                        k_socket + "}"}});
  }
  void TearDown() override {
    Scenario::TearDown();
    (void)podman({"rm", "--all", "--force", "--time", "0"});
    (void)lab().exec({"sh", "-c", "kill $(cat /run/podman/pid)"});
  }
  static Finished podman(const Words& arguments) {
    Words argv{"podman",           "--root", "/var/lib/podman-lab", "--runroot", "/run/podman-lab",
               "--storage-driver", "vfs",    "--cgroup-manager",    "cgroupfs"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return lab().exec(argv);
  }
};

TEST_F(Podman, DeploysAndRollsBackThroughItsSocket) {
  lab().image("1.0", {{"EXPOSE", "8080"}});
  lab().image("1.1", {{"EXPOSE", "8080"}});
  const auto checked = bgdeploy({"check"});
  EXPECT_EQ(checked.exit_code, 0) << checked;
  deploy_well("1.0");
  start_load();
  deploy_well("1.1");
  const auto again = bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  EXPECT_EQ(last_event(again).all.value("result", ""), "unchanged") << again;
  EXPECT_EQ(containers(), Words{}) << "docker has nothing to do with it";
  EXPECT_EQ(podman({"ps", "--format", "{{.Names}}"}).out, "shop-green\n");
  lab().registry("stop");
  const auto back = bgdeploy({"rollback"});
  lab().registry("start");
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served(), "1.0");
  stop_load();
  const auto unknown = deploy("nosuchtag");
  EXPECT_EQ(unknown.exit_code, 1) << unknown;
  EXPECT_EQ(served(), "1.0");
}

TEST_F(Podman, ASocketOnWhichNobodyAnswersIsNamed) {
  write_spec({{"docker", "docker: {container_port: 8080, socket: /run/nobody.sock}"}});
  const auto refused = deploy("1.0");
  EXPECT_NE(refused.exit_code, 0) << refused;
  EXPECT_NE(refused.err.find("nothing answers on docker.socket /run/nobody.sock"), std::string::npos)
      << refused;
}

}  // namespace
}  // namespace e2e
