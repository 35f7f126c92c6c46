// What `bgdeploy trust` needs: the key that a host shows, what known_hosts says about it, and how to add it.
#pragma once

#include <filesystem>
#include <string>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/ssh/known_hosts.hpp"

namespace bgdeploy::host {

struct OfferedKey {
  std::string hop;   // what the user calls this machine: the host, or a jump host before it
  std::string host;  // what known_hosts lists it under, with the port
  int port = 22;
  ssh::HostKey key;
  std::string fingerprint;     // "SHA256:…"
  ssh::KeyVerdict verdict;     // known: nothing to do. changed: the entries that speak against it
  bool contradicted = false;   // by them: whoever shows this key may not be the host that is known
  bool against_pin = false;    // host_key in the spec names another key
  bool pinned = false;         // host_key in the spec names this very key: nothing to do either
  std::filesystem::path file;  // the known_hosts file to add it to; empty when there is none
};

// The key of the first machine on the way to the host that is not trusted yet, else of the host itself: a
// host behind a jump host can only be asked once that one is trusted. Logs in to jump hosts, never to the
// host. Kinds as of connect(); unsupported for the local host.
Result<OfferedKey> fetch_host_key(const spec::Host& host, const Wait& wait);

// Appends the key to its file, which is created (0600, its folder 0700) when absent. Kind io.
Result<void> trust_host_key(const OfferedKey& offered);

}  // namespace bgdeploy::host
