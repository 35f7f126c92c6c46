#include "route_words.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <glob.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <optional>

#include "bgdeploy/core/nearest.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/io/regular_file.hpp"

namespace bgdeploy::host {
namespace {

constexpr int k_most_includes = 16;      // as deep as OpenSSH follows them
constexpr std::size_t k_most_names = 8;  // that are told

std::vector<std::string> matching_files(const std::string& pattern) {
  std::vector<std::string> files;
  glob_t found{};
  if (::glob(pattern.c_str(), GLOB_TILDE, nullptr, &found) == 0)
    for (std::size_t i = 0; i < found.gl_pathc; ++i) files.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  return files;
}

// The files that it includes, wherever it does.
std::vector<std::string> included(const std::string& text, const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& include : ssh::names_in_config(text).includes) {
    const bool relative = !include.starts_with('/') && !include.starts_with('~');
    std::ranges::move(matching_files(relative ? folder + "/" + include : include), std::back_inserter(files));
  }
  return files;
}

std::string keyword_in(const std::string& file, const std::string& folder, const std::string& host,
                       int depth) {
  const auto text = io::read_file(file);
  if (!text || depth > k_most_includes) return {};
  std::string keyword = ssh::keyword_for(*text, host);
  for (const auto& path : included(*text, folder))
    if (keyword.empty()) keyword = keyword_in(path, folder, host, depth + 1);
  return keyword;
}

void collect(const std::string& file, const std::string& folder, int depth, std::vector<std::string>& names) {
  const auto text = io::read_file(file);
  if (!text || depth > k_most_includes) return;
  for (auto& name : ssh::names_in_config(*text).hosts)
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  for (const auto& path : included(*text, folder)) collect(path, folder, depth + 1, names);
}

std::string listed(const std::vector<std::string>& names) {
  const auto shown = std::min(names.size(), k_most_names);
  return core::printable(fmt::format("{}{}",
                                     fmt::join(names.begin(), names.begin() + static_cast<long>(shown), ", "),
                                     shown < names.size() ? ", …" : ""));
}

// Whether a CI job was given a file, by that variable, which `known` does not have.
bool unused_file(const char* variable, const std::vector<std::string>& known) {
  const char* file = std::getenv(variable);
  std::error_code error;
  return file != nullptr && std::filesystem::is_regular_file(file, error) &&
         std::ranges::find(known, file) == known.end();
}

std::string advice_on_given(std::initializer_list<const char*> variables, std::string_view key,
                            const std::vector<std::string>& known) {
  for (const char* variable : variables)
    if (unused_file(variable, known))
      return fmt::format(
          "the file that {0} names was not used: write ssh: {{{1}: \"${{{0}}}\"}} into the spec", variable,
          key);
  return "";
}

}  // namespace

std::vector<std::string> config_aliases(const std::string& folder) {
  std::vector<std::string> names;
  collect(folder + "/config", folder, 0, names);
  return names;
}

core::Result<void> check_nothing_unread(const std::string& host, const std::string& folder) {
  for (const std::string& where : {folder, std::string("/etc/ssh")}) {
    const std::string file = where + (where == folder ? "/config" : "/ssh_config");
    if (const auto keyword = keyword_in(file, where, host, 0); !keyword.empty())
      return core::fail(core::ErrorKind::unsupported,
                        fmt::format("{}: {} sets {} for it, and there is no ssh here, by which bgdeploy "
                                    "reads that file",
                                    core::printable(host), where == folder ? "~/.ssh/config" : file,
                                    core::printable(keyword)),
                        {},
                        "install OpenSSH's client; or say it in the spec, and keep that file from bgdeploy");
  }
  return {};
}

core::Error unknown_name(const std::string& name, const ssh::ClientConfig& config,
                         const std::string& folder) {
  core::Error error{core::ErrorKind::unreachable, {}, {}};
  // `ssh -G` prints names in small letters.
  if (config.host_name && core::to_lower(*config.host_name) != core::to_lower(name)) {
    error.message = fmt::format("{}: ~/.ssh/config leads to {}, which is not a name that DNS knows",
                                core::printable(name), core::printable(*config.host_name));
    error.next = "correct HostName there";
    return error;
  }
  const auto aliases = config_aliases(folder);
  const auto meant = core::nearest(name, aliases);
  error.message =
      fmt::format("'{}' is neither a Host in ~/.ssh/config ({}) nor a name DNS knows", core::printable(name),
                  aliases.empty() ? "there is none" : "there: " + listed(aliases));
  error.next = meant ? fmt::format("did you mean {}?", core::printable(*meant))
                     : "write the host's address into the spec, or a Host of that name into ~/.ssh/config";
  return error;
}

bool names_key_files(const ssh::ClientConfig& config) {
  constexpr std::array<const char*, 3> k_usual{"id_rsa", "id_ecdsa", "id_ed25519"};
  return !config.identity_files.empty() && !std::ranges::all_of(k_usual, [&](const char* usual) {
    return std::ranges::any_of(config.identity_files, [&](const std::string& file) {
      return file.ends_with(std::string("/") + usual);
    });
  });
}

std::string unknown_key_advice(const std::vector<std::string>& files) {
  if (auto given = advice_on_given({"BGDEPLOY_KNOWN_HOSTS_FILE", "KNOWN_HOSTS"}, "known_hosts_file", files);
      !given.empty())
    return given;
  if (std::getenv("CI") != nullptr)
    return "give this job the host's key: BGDEPLOY_KNOWN_HOSTS_FILE, ssh.known_hosts_file, or its "
           "fingerprint in "
           "host_key";
  return "";
}

std::string unused_key_advice(const std::vector<std::string>& used) {
  return advice_on_given({"BGDEPLOY_IDENTITY_FILE", "SSH_KEY"}, "identity_file", used);
}

}  // namespace bgdeploy::host
