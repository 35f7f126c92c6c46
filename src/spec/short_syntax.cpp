#include "bgdeploy/spec/short_syntax.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>

#include "text_rules.hpp"

namespace bgdeploy::spec {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string in_order(std::vector<std::string_view> words) {
  std::ranges::sort(words);
  return fmt::format("{}", fmt::join(words, ","));
}

bool contains(std::span<const std::string_view> list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return result;
}

// moby: volume/mounts/linux_parser.go. At most one of each group; the last is for macOS and means nothing.
constexpr std::array<std::string_view, 2> k_access{"ro", "rw"};
constexpr std::array<std::string_view, 2> k_labels{"z", "Z"};
constexpr std::array<std::string_view, 6> k_propagation{"shared",  "slave",  "private",
                                                        "rshared", "rslave", "rprivate"};
constexpr std::array<std::string_view, 1> k_copy{"nocopy"};
constexpr std::array<std::string_view, 4> k_consistency{"consistent", "cached", "delegated", "default"};

std::string mode_error(std::string_view mode, bool path) {
  const auto words = split(mode, ',');
  const auto count = [&](std::span<const std::string_view> group) {
    return std::ranges::count_if(words, [&](std::string_view word) { return contains(group, word); });
  };
  const std::array<std::ptrdiff_t, 5> counts{count(k_access), count(k_labels), count(k_propagation),
                                             count(k_copy), count(k_consistency)};
  std::ptrdiff_t known = 0;
  for (const auto number : counts) known += number;
  if (known != std::ssize(words)) return "has a mode that docker does not know";
  if (std::ranges::any_of(counts, [](std::ptrdiff_t number) { return number > 1; }))
    return "has two modes that exclude each other";
  if (path && counts[3] > 0) return "has the mode nocopy, which is for volumes that have a name";
  if (!path && counts[2] > 0) return "has a propagation mode, which is for paths of the host";
  return {};
}

// docker's names begin with a letter or a digit and have two characters or more.
bool is_volume_name(std::string_view text) {
  return is_container_name(text) || (has_placeholder(text) && !has_control_character(text));
}

// moby: pkg/mount (MergeTmpfsOptions); the kernel's Documentation/filesystems/tmpfs.rst.
bool is_tmpfs_option(std::string_view option) {
  constexpr std::array<std::string_view, 23> k_flags{
      "defaults", "ro",       "rw",         "suid",       "nosuid",      "dev",           "nodev",  "exec",
      "noexec",   "sync",     "async",      "dirsync",    "mand",        "nomand",        "atime",  "noatime",
      "diratime", "relatime", "norelatime", "nodiratime", "strictatime", "nostrictatime", "remount"};
  const auto equals = option.find('=');
  if (equals == std::string_view::npos) return contains(k_flags, option);
  const auto name = option.substr(0, equals);
  auto value = option.substr(equals + 1);
  if (value.empty()) return false;
  if (name == "mode") return value.size() <= 5 && all_of(value, "01234567");
  if (name == "uid" || name == "gid") return value.size() <= 10 && all_of(value, "0123456789");
  if (name == "mpol") return !has_control_character(value);
  const bool size = name == "size";
  if (!size && name != "nr_inodes" && name != "nr_blocks") return false;
  if (std::string_view(size ? "kKmMgG%" : "kKmMgG").find(value.back()) != std::string_view::npos)
    value.remove_suffix(1);
  return !value.empty() && value.size() <= 18 && all_of(value, "0123456789");
}

constexpr std::array<std::string_view, 31> k_signals{
    "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1", "SEGV",
    "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN", "TTOU",
    "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS"};

}  // namespace

std::optional<std::string> extra_host_of(std::string_view name, std::string_view address) {
  const bool valid_name = is_host_name(name) && name.find(':') == std::string_view::npos;
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  if (!valid_name || (address != "host-gateway" && !is_ip_address(address))) return {};
  return fmt::format("{}:{}", name, address);
}

std::optional<std::vector<std::string>> extra_hosts_of(std::string_view text) {
  const std::size_t separator = text.find_first_of("=:");
  if (separator == std::string_view::npos) return {};
  std::vector<std::string> hosts;
  for (const auto address : split(text.substr(separator + 1), ',')) {
    auto host = extra_host_of(text.substr(0, separator), address);
    if (!host) return {};
    hosts.push_back(std::move(*host));
  }
  return hosts;
}

std::string capability_of(std::string_view text) {
  std::string name = upper(text);
  return name.starts_with("CAP_") ? name.substr(4) : name;
}

const std::vector<std::string>& capability_names() {
  // include/uapi/linux/capability.h
  static const std::vector<std::string> k_names{"ALL",
                                                "AUDIT_CONTROL",
                                                "AUDIT_READ",
                                                "AUDIT_WRITE",
                                                "BLOCK_SUSPEND",
                                                "BPF",
                                                "CHECKPOINT_RESTORE",
                                                "CHOWN",
                                                "DAC_OVERRIDE",
                                                "DAC_READ_SEARCH",
                                                "FOWNER",
                                                "FSETID",
                                                "IPC_LOCK",
                                                "IPC_OWNER",
                                                "KILL",
                                                "LEASE",
                                                "LINUX_IMMUTABLE",
                                                "MAC_ADMIN",
                                                "MAC_OVERRIDE",
                                                "MKNOD",
                                                "NET_ADMIN",
                                                "NET_BIND_SERVICE",
                                                "NET_BROADCAST",
                                                "NET_RAW",
                                                "PERFMON",
                                                "SETFCAP",
                                                "SETGID",
                                                "SETPCAP",
                                                "SETUID",
                                                "SYSLOG",
                                                "SYS_ADMIN",
                                                "SYS_BOOT",
                                                "SYS_CHROOT",
                                                "SYS_MODULE",
                                                "SYS_NICE",
                                                "SYS_PACCT",
                                                "SYS_PTRACE",
                                                "SYS_RAWIO",
                                                "SYS_RESOURCE",
                                                "SYS_TIME",
                                                "SYS_TTY_CONFIG",
                                                "WAKE_ALARM"};
  return k_names;
}

bool is_capability(std::string_view text) {
  return std::ranges::find(capability_names(), capability_of(text)) != capability_names().end();
}

std::optional<std::string> signal_of(std::string_view text) {
  if (const auto number = to_integer(text)) {
    if (*number < 1 || *number > 64) return {};
    const auto index = static_cast<std::size_t>(*number - 1);
    return index < k_signals.size() ? fmt::format("SIG{}", k_signals.at(index)) : std::string(text);
  }
  std::string name = upper(text);
  if (name.starts_with("SIG")) name.erase(0, 3);
  if (name == "POLL") name = "IO";
  if (contains(k_signals, name)) return "SIG" + name;
  const std::string_view real_time = name;
  if (real_time == "RTMIN" || real_time == "RTMAX") return "SIG" + name;
  // Docker knows 34 to 64 as RTMIN, RTMIN+1 to RTMIN+15, RTMAX-14 to RTMAX-1 and RTMAX.
  const bool up = real_time.starts_with("RTMIN+"), down = real_time.starts_with("RTMAX-");
  const auto distance = up || down ? to_integer(real_time.substr(6)) : std::nullopt;
  if (!distance || *distance < 1 || *distance > (up ? 15 : 14)) return {};
  return "SIG" + name;
}

std::span<const std::string_view> signal_names() {
  return k_signals;
}

std::span<const std::string_view> ulimit_names() {
  static constexpr std::array<std::string_view, 15> k_names{
      "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
      "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};
  return k_names;
}

bool is_ulimit(std::string_view name) {
  return contains(ulimit_names(), name);
}

std::string volume_mode_of(std::string_view mode) {
  auto words = split(mode, ',');
  std::erase(words, "rw");
  return in_order(std::move(words));
}

std::string volume_of(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() != 3) return std::string(text);
  const auto mode = volume_mode_of(parts[2]);
  return fmt::format("{}:{}{}{}", parts[0], parts[1], mode.empty() ? "" : ":", mode);
}

std::string_view volume_target(std::string_view text) {
  const auto parts = split(text, ':');
  return parts.size() == 1 || parts[1].find('=') != std::string_view::npos || !parts[1].starts_with('/')
             ? parts[0]
             : parts[1];
}

std::string volume_error(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() > 3) return "must be SOURCE:TARGET or SOURCE:TARGET:MODE";
  const std::string_view source = parts.front();
  const std::string_view target = parts.size() == 1 ? parts[0] : parts[1];
  if (!is_absolute(target)) return "must have an absolute path in the container as its target";
  if (target.find_first_not_of('/') == std::string_view::npos)
    return "cannot have '/' as its target: that is the container's own root";
  const bool path =
      source.find('/') != std::string_view::npos || source.starts_with('.') || source.starts_with('~');
  if (path && !is_absolute(source)) {
    return "must have an absolute path on the host, or a volume's name, as its source: nothing on the host "
           "is relative to this file";
  }
  if (!path && !is_volume_name(source)) return "has no valid name of a volume as its source";
  return parts.size() == 3 ? mode_error(parts[2], path) : std::string();
}

std::string tmpfs_options_of(std::string_view options) {
  return in_order(split(options, ','));
}

std::string tmpfs_error(std::string_view text) {
  const auto colon = text.find(':');
  const auto target = text.substr(0, colon);
  if (!is_absolute(target))
    return fmt::format("must be an absolute path in the container, not {}", in_quotes(text));
  if (target.find_first_not_of('/') == std::string_view::npos)
    return "cannot be '/': that is the container's own root";
  if (colon == std::string_view::npos) return {};
  for (const auto option : split(text.substr(colon + 1), ',')) {
    if (!is_tmpfs_option(option))
      return fmt::format(
          "has the option {}, which tmpfs does not know; such are size=64m, mode=1777, uid=1000 and noexec",
          in_quotes(option));
  }
  return {};
}

}  // namespace bgdeploy::spec
