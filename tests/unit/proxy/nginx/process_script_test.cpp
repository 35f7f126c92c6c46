// How the scripts find nginx's processes, and what those do.
#include <gmock/gmock.h>

#include <chrono>

#include "made_up_host.hpp"

namespace bgdeploy::proxy {
namespace {

const std::vector<std::string> k_parts{"base",   "process", "command",    "container",
                                       "master", "upgrade", "connections"};

class ProcessScript : public MadeUpHost {
protected:
  std::string masters() const { return say(k_parts, "find_master && say \"$master of$family\" || say none"); }
  std::string serving_and_leaving() const {
    return say(k_parts, "find_master; sort_workers; say \"$serving|$leaving\"");
  }
  // A descriptor that is a socket.
  void open_socket(int pid, int descriptor, int inode) const {
    const auto folder = proc() / std::to_string(pid) / "fd";
    fs::create_directories(folder);
    fs::create_symlink(fmt::format("socket:[{}]", inode), folder / std::to_string(descriptor));
  }
  // A line of /proc/net/tcp.
  static std::string socket(const std::string& remote, const std::string& state, int uid, int inode) {
    return fmt::format("   0: 0100007F:0050 {} {} 00000000:00000000 00:00000000 00000000 {} 0 {} 1\n", remote,
                       state, uid, inode);
  }
};
EVERY_SHELL(ProcessScript);

TEST_P(ProcessScript, AProcessIsItsPidAndItsStart) {
  add({.pid = 10, .parent = 7, .title = "nginx: worker process", .start = 123456});
  add({.pid = 11, .state = 'Z'});
  EXPECT_EQ(say(k_parts, "process 10; read_title 10; say \"$parent $start $title\""),
            "7 123456 nginx: worker process\n");
  EXPECT_EQ(say(k_parts,
                "for each in 10:123456 10:123457 11:1000 12:1 ''; do alive \"$each\" && say \"$each\"; done"),
            "10:123456\n");
}

TEST_P(ProcessScript, TheClockCountsAsProcessesDo) {
  const auto hundredths =
      say(k_parts, "read_clock; before=$now; read_clock; [ $before -le $now ] && say $now");
  double seconds = 0;
  std::ifstream("/proc/uptime") >> seconds;
  EXPECT_NEAR(std::stod(hundredths), seconds * 100, 6000);
}

TEST_P(ProcessScript, FindsAMasterByItsPidFile) {
  EXPECT_EQ(masters(), "none\n");
  add_nginx(100, 101);
  EXPECT_EQ(masters(), "100 of 100:1000 \n");
  // A pid file that stayed behind names a process of another program.
  add({.pid = 300, .title = "cron"});
  write("nginx.pid", "300\n");
  EXPECT_EQ(masters(), "none\n");
  write("nginx.pid", "100; rm -rf /\n");
  EXPECT_EQ(masters(), "none\n");
}

TEST_P(ProcessScript, AContainersMasterIsNotTheHosts) {
  add({.pid = 100, .title = "nginx: master process nginx", .pids_in_namespaces = "100\t1"});
  write("nginx.pid", "100\n");
  EXPECT_EQ(masters(), "none\n");
}

TEST_P(ProcessScript, FollowsAnUpgradeToTheYoungestMaster) {
  add_nginx(100, 101);
  add({.pid = 200, .parent = 100, .title = "nginx: master process nginx", .start = 2000});
  add({.pid = 201, .parent = 200, .title = "nginx: worker process", .start = 2001, .flags = k_fork_no_exec});
  write("nginx.pid.oldbin", "100\n");
  write("nginx.pid", "200\n");
  EXPECT_EQ(masters(), "200 of 100:1000 200:2000 \n");
  EXPECT_EQ(serving_and_leaving(), " 101:1000 201:2001 | \n");
  // Until it has read its configuration the next nginx has the title of its command.
  add({.pid = 200, .parent = 100, .title = "/usr/sbin/nginx", .start = 2000});
  write("nginx.pid", "100\n");
  EXPECT_EQ(masters(), "100 of 100:1000 200:2000 \n");
}

TEST_P(ProcessScript, FindsTheMasterBehindAContainersInit) {
  settings["container"] = "web";
  settings["inspect_command"] = "echo running 50 bridge 172.17.0.2";
  add({.pid = 50, .title = "/sbin/tini -- nginx"});
  add({.pid = 51, .parent = 50, .title = "sh /start"});
  add({.pid = 52, .parent = 51, .title = "nginx: master process nginx -g daemon off;"});
  const std::string find = "look_into_container; ";
  EXPECT_EQ(say(k_parts, find + "find_master && say $master"), "52\n");
  settings["inspect_command"] = "echo exited 0";
  EXPECT_EQ(say(k_parts, find + "find_master || say \"$container_state\""), "exited\n");
}

TEST_P(ProcessScript, TellsWorkersThatServeFromThoseThatLeave) {
  add_nginx(100, 101);
  add({.pid = 102, .parent = 100, .title = "nginx: worker process is shutting down", .start = 900});
  add({.pid = 103, .parent = 100, .title = "nginx: cache manager process"});
  add({.pid = 104, .parent = 100, .title = "nginx: worker process", .state = 'Z'});
  EXPECT_EQ(serving_and_leaving(), " 101:1000 | 102:900 \n");
}

// Kernels without CONFIG_PROC_CHILDREN.
TEST_P(ProcessScript, FindsChildrenWithoutTheKernelsList) {
  add_nginx(100, 101);
  for (const int pid : {100, 101}) fs::remove_all(proc() / std::to_string(pid) / "task");
  EXPECT_EQ(serving_and_leaving(), " 101:1000 | \n");
}

TEST_P(ProcessScript, AMasterThatBlocksHangupIsBusy) {
  const auto idle = [&](const std::string& pending, const std::string& blocked) {
    add({.pid = 100, .title = "nginx: master process nginx", .pending = pending, .blocked = blocked});
    write("nginx.pid", "100\n");
    auto parts = k_parts;
    parts.insert(parts.end(), {"lock", "configuration", "reload"});
    return say(parts, "find_master; idle && say yes || say no");
  };
  EXPECT_EQ(idle("0000000000000000", "0000000000000000"), "yes\n");
  EXPECT_EQ(idle("0000000000000000", "0000000018016a06"), "yes\n");
  EXPECT_EQ(idle("0000000000000000", "0000000018016a07"), "no\n");
  EXPECT_EQ(idle("0000000000000001", "0000000000000000"), "no\n");
}

TEST_P(ProcessScript, AnUpgradeLastsWhileBothMastersListen) {
  add_nginx(100, 101);
  add({.pid = 200, .parent = 100, .title = "nginx: master process nginx", .start = 2000});
  open_socket(100, 6, 4711);
  const auto upgrading = [&] {
    return say(k_parts, "find_master; upgrading && say \"${why%%:*}\"; say \"$masters\"");
  };
  const std::string header =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
  write("proc/100/net/tcp", header + socket("00000000:0000", "0A", 0, 4711));
  EXPECT_EQ(upgrading(), "nginx is being upgraded\n 100:1000 200:2000\n");
  // It was told to quit: what it still has are connections.
  write("proc/100/net/tcp",
        header + socket("0100007F:1F91", "01", 0, 4711) + socket("00000000:0000", "0A", 0, 4712));
  EXPECT_EQ(upgrading(), " 200:2000\n");
  write(
      "proc/100/net/unix",
      "Num RefCount Protocol Flags Type St Inode Path\n0: 00000002 00000000 00010000 0001 01 4711 /run/x\n");
  EXPECT_EQ(upgrading(), "nginx is being upgraded\n 100:1000 200:2000\n");
}

TEST_P(ProcessScript, CountsTheConnectionsThatWorkersStillHave) {
  add_nginx(100, 101);
  open_socket(101, 3, 1);
  open_socket(101, 4, 2);
  open_socket(101, 5, 3);
  write("proc/101/net/tcp", socket("0100007F:1F91", "01", 33, 1) + socket("0100007F:1F92", "01", 33, 2) +
                                socket("0100007F:1F91", "06", 33, 3) + socket("0100007F:1F91", "01", 33, 9));
  write("proc/101/net/tcp6", socket("0000000000000000FFFF00000100007F:1F91", "02", 33, 3));
  const auto drained = [&](const std::string& backends) {
    return say(k_parts, "await_gone 101:1000 0; say_drained " + backends);
  };
  EXPECT_EQ(drained("0100007F:1F91"), "left 101:1000\ndrained 1\n");
  EXPECT_EQ(drained("0100007F:1F91 0000000000000000FFFF00000100007F:1F91"), "left 101:1000\ndrained 2\n");
  EXPECT_EQ(drained(":1F91"), "left 101:1000\ndrained 2\n");
  EXPECT_EQ(drained(":1F93"), "left 101:1000\ndrained 0\n");
  EXPECT_EQ(drained(""), "left 101:1000\ndrained 0\n");
}

// The descriptors of another user's worker cannot be read: sockets of that user count.
TEST_P(ProcessScript, CountsByUserWhereDescriptorsAreHidden) {
  add_nginx(100, 101);
  const auto uid = static_cast<int>(::getuid());
  write("proc/101/net/tcp",
        socket("0100007F:1F91", "01", uid, 1) + socket("0100007F:1F91", "01", uid + 1, 2));
  EXPECT_EQ(say(k_parts, "await_gone 101:1000 0; say_drained :1F91"), "left 101:1000\ndrained 1\n");
}

TEST_P(ProcessScript, WaitsNoLongerThanForTheWorkersThatLive) {
  add_nginx(100, 101);
  EXPECT_EQ(say(k_parts, "await_gone '101:999 7:7' 6000; say_drained :1"), "left\ndrained 0\n");
  EXPECT_EQ(say(k_parts, "(sleep 0.2; rm -r \"$proc/101\") & await_gone 101:1000 6000; say_drained :1"),
            "left\ndrained 0\n");
}

TEST_P(ProcessScript, AFileThatIsNewerThanAllWorkersIsNotRead) {
  double seconds = 0;
  std::ifstream("/proc/uptime") >> seconds;
  const auto now = static_cast<std::uint64_t>(seconds * 100);
  ASSERT_GT(now, 6000) << "this machine has only just been started";
  add({.pid = 100, .title = "nginx: master process nginx"});
  add({.pid = 101,
       .parent = 100,
       .title = "nginx: worker process",
       .start = now - 3000,
       .flags = k_fork_no_exec});
  write("nginx.pid", "100\n");
  const auto written = [&](std::chrono::seconds ago) {
    write("live", "");
    fs::last_write_time(path("live"), fs::file_time_type::clock::now() - ago);
    auto parts = k_parts;
    parts.push_back("live_file");
    return say(parts, "path=" + path("live") +
                          "; find_master; sort_workers; reload_pending && say pending || say read");
  };
  EXPECT_EQ(written(std::chrono::seconds(5)), "pending\n");
  EXPECT_EQ(written(std::chrono::seconds(60)), "read\n");
}

}  // namespace
}  // namespace bgdeploy::proxy
