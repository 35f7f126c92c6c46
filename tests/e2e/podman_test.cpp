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
  const auto ran = bgdeploy({"run", "--", "--dump"});
  EXPECT_EQ(ran.exit_code, 5) << ran.err;
  EXPECT_EQ(ran.out.size(), 20'000'000U);
  EXPECT_EQ(bgdeploy({"run", "--", "--migrate"}).exit_code, 0);
  EXPECT_EQ(podman({"ps", "--format", "{{.Names}}"}).out, "shop-green\n") << "of a run nothing is left";
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

// An engine of an account without rights, as `systemctl --user start podman.socket` starts it.
TEST_F(Podman, OfAnotherUserRootless) {
  lab().sh(
      "printf 'pod:x:2001:2001::/run/pod:/bin/sh\\n' >>/etc/passwd; printf 'pod:x:2001:\\n' >>/etc/group\n"
      "for file in /etc/subuid /etc/subgid; do echo pod:100000:65536 >$file; done\n"
      "mount -t tmpfs -o mode=755,dev lab /dev/net; mknod -m 666 /dev/net/tun c 10 200\n"
      "mkdir -p /run/pod /run/user/2001/podman; chown -R pod: /run/pod /run/user/2001; chmod 700 "
      "/run/user/2001\n"
      // Under load podman itself may hang while it starts.
      "for tried in 1 2 3; do\n"
      "setpriv --reuid pod --regid pod --init-groups env -i HOME=/run/pod XDG_RUNTIME_DIR=/run/user/2001 "
      "PATH=$PATH "
      "setsid podman --storage-driver vfs --cgroup-manager cgroupfs system service --time=0 "
      "unix:///run/user/2001/podman/podman.sock >/tmp/rootless.log 2>&1 </dev/null & echo $! >/run/pod.pid\n"
      "for i in $(seq 250); do test -S /run/user/2001/podman/podman.sock && exit 0; sleep 0.1; done\n"
      "kill $(cat /run/pod.pid)\n"
      "done; cat /tmp/rootless.log; exit 1");
  write_spec(
      {{"docker", "docker: {stop_grace_period: 1s, socket: unix:///run/user/2001/podman/podman.sock}"}});
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag, {{"EXPOSE", "8080"}});
  deploy_well("1.0");
  start_load();
  deploy_well("1.1");
  const auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  stop_load();
  EXPECT_EQ(served(), "1.0");
  EXPECT_EQ(podman({"ps", "--format", "{{.Names}}"}).out, "") << "root's engine has nothing to do with it";
  lab().exec(
      {"sh", "-c",
       "setpriv --reuid pod --regid pod --init-groups env -i HOME=/run/pod XDG_RUNTIME_DIR=/run/user/2001 "
       "PATH=$PATH podman --storage-driver vfs --cgroup-manager cgroupfs rm --all --force --time 0; "
       "kill $(cat /run/pod.pid); umount /dev/net"});
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
