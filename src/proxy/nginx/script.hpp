// The commands that run on a proxy host, and their answers. Pure but for `Conversation`.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/proxy/proxy.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::proxy {

// A script's variables. Their values are quoted and never become a part of the script.
using Settings = std::map<std::string, std::string>;

// The unit of the scripts' clock.
std::string hundredths(core::Duration duration);

// The settings that every script needs: the include or the sites, and the commands of nginx and docker, with
// sudo if only those have it.
Settings settings_for(const host::Host& host, const spec::Spec& spec);

host::Command script_command(const Settings& settings, std::string_view script);

// What the switch script waits for.
std::string order_to_stage(std::size_t slot, std::string_view pid_file, std::string_view content);

// "HEXADDRESS:HEXPORT" as /proc/net/tcp writes the backends a little-endian kernel is connected to, for IPv4
// also as tcp6 has it; ":HEXPORT" where the address is a name.
std::vector<std::string> socket_patterns(const Routing& backends);

// "12:3456 13:3456" and back: pid and start time.
std::string format_workers(const std::vector<plan::Worker>& workers);
std::vector<plan::Worker> parse_workers(std::string_view text);

// A file as a script found it.
struct Found {
  std::string path;
  std::string state = "missing";  // file | unreadable | other | missing
  std::string content;
  bool there() const { return state != "missing"; }
};

// One slot's whole site.
struct Site {
  Found from, to;
};

// How to get into nginx's container.
struct Inside {
  int pid = 0;
  std::string network;  // docker's word for its mode: "bridge", "host", a network's name
  std::string address;  // in its network, as its host reaches it; empty if it has none
  bool on_host_network() const { return network == "host"; }
};

// What the observe script found.
struct Observation {
  Found file;  // the live one: the include, or the site that is there
  std::array<Site, 2> sites;
  std::string pid_file, container_state;
  Inside inside;
  bool unfinished = false, reload_pending = false;
  int uid = 0;
  std::string user;
  std::string folder;  // writable | missing | unwritable | mounted | immutable
  bool running = false;
  std::vector<plan::Worker> leaving, masters;
  int test_status = 0;
  std::vector<std::string> test_output;
  bool included = false;  // known only if the test passes
  std::string read_as;    // the live file's name in the dump
  std::string dump;       // nginx's configuration, which may hold secrets; empty if there is none
  bool partial = false;   // nginx refuses it, so these are the files beside the main one
  bool dump_too_long = false;
};
// Kind refused: the script did not complete.
Result<Observation> parse_observation(const host::Output& output);

// A script that takes orders. The caller names the first word of the line that ends an answer.
class Conversation {
public:
  explicit Conversation(std::unique_ptr<host::Process> process) : m_process(std::move(process)) {}

  Result<void> tell(std::string_view line);
  // The lines up to the one that begins with `word` or `other`, by their first words; the lines of a dump are
  // together under ">". Kind refused or inconsistent: the script says that it failed.
  Result<Settings> answer(std::string_view word, const Wait& wait, std::string_view other = {});
  Result<void> hang_up() { return m_process->close_input(); }
  // Whether the script has said anything.
  bool begun() const { return m_greeted; }

private:
  core::Error ended(const Wait& wait);

  std::unique_ptr<host::Process> m_process;
  bool m_greeted =
      false;  // a script that did not say its first line never started: sudo refused, or no shell
};

// From an answer's lines `left`, `changed` and `drained`.
Drained drained_from(const Settings& lines);

}  // namespace bgdeploy::proxy
