// The short forms that docker's and compose's command lines rewrite for the Engine API: one spelling for each
// meaning. For reading a spec, and for comparing it with a container that another tool created.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::spec {

// "db=10.0.0.5", "db:10.0.0.5,10.0.0.6", "six=[::1]", "h:host-gateway" as "name:address", one an address.
// Nothing where it is none of them.
std::optional<std::vector<std::string>> extra_hosts_of(std::string_view text);
// The same of a name and an address that stand apart, as in a map.
std::optional<std::string> extra_host_of(std::string_view name, std::string_view address);

// "cap_net_admin" as "NET_ADMIN"; known or not.
std::string capability_of(std::string_view text);
bool is_capability(std::string_view text);
const std::vector<std::string>& capability_names();

// "term", "SIGTERM" and "15" as "SIGTERM". Nothing where it is no signal.
std::optional<std::string> signal_of(std::string_view text);
std::span<const std::string_view> signal_names();  // without SIG, and without the real-time ones

bool is_ulimit(std::string_view name);
std::span<const std::string_view> ulimit_names();

// The part of a volume behind its second colon, without "rw" and in one order: "z,ro" as "ro,z".
std::string volume_mode_of(std::string_view mode);
// "source:target:mode" with its mode like that; an anonymous volume ("target") as it is.
std::string volume_of(std::string_view text);
// Empty when it is valid; else the error, a predicate of its name.
std::string volume_error(std::string_view text);
// "/data" of "data:/data:ro" and of "/data"; the part of a tmpfs before its options.
std::string_view volume_target(std::string_view text);

// The options of a tmpfs in one order.
std::string tmpfs_options_of(std::string_view options);
// As volume_error, for "/run:size=64m,mode=1777".
std::string tmpfs_error(std::string_view text);

}  // namespace bgdeploy::spec
