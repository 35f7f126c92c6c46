// A real nginx in a temporary folder, with its own pid file and free ports, two backends that say who they
// are, and clients. All of it ends with the object, or with a program that is killed.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/proxy/nginx.hpp"

namespace bgdeploy::testing {

// A port nobody listens on now.
int free_port();

// Until `condition` holds, at most a minute.
bool eventually(const std::function<bool()>& condition);

// Answers every request with its name; /hold only when it is let go.
class Backend {
public:
  explicit Backend(std::string name);
  ~Backend();
  Backend(const Backend&) = delete;
  int port() const { return m_port; }
  int held() const { return m_held; }
  void let_go() { m_let_go = true; }

private:
  bool wants_hold(int connection) const;
  void answer(int connection) const;

  std::string m_name;
  int m_port = 0;  // set by what makes the listener
  int m_listener = -1;
  std::atomic<bool> m_stop = false, m_let_go = false;
  std::atomic<int> m_held = 0;
  std::jthread m_acceptor;
};

// The body of one answer on a connection of its own; nothing when anything went wrong.
std::optional<std::string> get(int port, const std::string& path = "/",
                               const std::string& host = "127.0.0.1");

// Requests, one after the other, until it is stopped: every tenth a POST, which is never sent twice, and
// every fifth on a connection that is kept, where a GET is sent once more if it was closed meanwhile (RFC
// 9110, 9.2.2).
class Client {
public:
  explicit Client(int port, const std::string& host = "127.0.0.1");
  ~Client() { stop(); }
  void stop();
  int done() const { return m_done; }
  int failed() const { return m_failed; }

private:
  std::atomic<int> m_done = 0, m_failed = 0;
  std::jthread m_thread;
};

class NginxLab {
public:
  // `user`: whom the master runs as, by number; root when empty.
  explicit NginxLab(const std::string& user = {});
  ~NginxLab();
  NginxLab(const NginxLab&) = delete;

  std::filesystem::path folder;   // everything is below it
  std::filesystem::path include;  // of the service
  std::filesystem::path sites;    // a folder of further server blocks
  int port = 0;                   // of the service
  Backend blue{"blue"}, green{"green"};
  spec::Nginx spec;               // template, test and reload of this nginx, through `command`
  std::filesystem::path command;  // nginx, but see gate()

  // A whole spec whose nginx is `nginx` and whose slots are slots().
  spec::Spec around(const spec::Nginx& nginx) const;

  void start();
  void stop();
  // As `systemctl restart` does it.
  void restart();
  // Begins an upgrade, as SIGUSR2 does it: the new master serves beside the old one, which is returned.
  pid_t upgrade();
  // Sends SIGQUIT, and waits until that master is gone.
  void end(pid_t master) const;
  bool has_workers(pid_t master) const;
  pid_t master() const;
  std::array<proxy::Routing, 2> slots() const;
  std::string text_for(std::size_t slot) const;
  void write(const std::filesystem::path& path, const std::string& text) const;
  std::string read(const std::filesystem::path& path) const;
  // The hidden files beside the include.
  std::vector<std::string> leftovers() const;

  // Calls of `command` with this first option (-t, -s) wait from now on until open() is called.
  void gate(const std::string& option) const { write(folder / ("gate" + option), ""); }
  bool at_gate(const std::string& option) const { return std::filesystem::exists(folder / ("at" + option)); }
  void open(const std::string& option) const;
  // From now on the scripts' own commands that change files are counted, and number `at` is not carried out:
  // it waits until stop_counting(). 0: none does.
  void wait_at_change(int at) const;
  bool at_change() const { return std::filesystem::exists(folder / "at-change"); }
  void stop_counting() const;

  // The switch script that works on this lab, killed as kill -9 does it. False when there is none.
  bool kill_script() const;

private:
  std::string m_user;
  pid_t m_guard = 0;  // a process that ends nginx and removes the folder
  int m_leash = -1;   // while this is open it waits
};

// This machine, as the spec's `local`.
std::unique_ptr<host::Host> local_host();
// The same, but every command has these words before it.
std::unique_ptr<host::Host> local_host_behind(std::vector<std::string> words);
// As another user, without any capability.
std::unique_ptr<host::Host> local_host_as(const std::string& user);

core::Wait soon();

}  // namespace bgdeploy::testing
