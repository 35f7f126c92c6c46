// For `bgdeploy trust`: the key that a host shows, the verdict of known_hosts, and adding the key.
#pragma once

#include <filesystem>
#include <string>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/ssh/known_hosts.hpp"

namespace bgdeploy::host {

struct OfferedKey {
  std::string hop;   // the machine in the user's words: the host, or a jump host before it
  std::string host;  // its name in known_hosts, with the port
  int port = 22;
  ssh::HostKey key;
  std::string fingerprint;     // "SHA256:…"
  ssh::KeyVerdict verdict;     // known: nothing to do. changed: with the entries that contradict it
  bool contradicted = false;   // by those entries: this may not be the host that is known
  bool against_pin = false;    // host_key in the spec names another key
  bool pinned = false;         // host_key in the spec names this very key: nothing to do either
  std::filesystem::path file;  // the known_hosts file to add it to; empty when there is none
};

// The key of the first machine on the way that is not trusted yet, else of the host itself: a host behind a
// jump host can only be asked once the jump host is trusted. Logs in to jump hosts, never to the host. Kinds
// of connect(); unsupported for the local host.
Result<OfferedKey> fetch_host_key(const spec::Host& host, const Wait& wait);

// Appends the key to its file. Creates the file (0600, its folder 0700) when it is absent. Kind io.
Result<void> trust_host_key(const OfferedKey& offered);

}  // namespace bgdeploy::host
