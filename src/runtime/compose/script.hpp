// What compose is given: the second file, and the script that calls it. Pure. The script holds secrets; it
// goes to a shell's stdin, so that they are on no command line and in no file.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/core/secret.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/runtime/docker_container.hpp"
#include "bgdeploy/spec/compose_file.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::runtime {

// Compose's own labels. https://github.com/compose-spec/compose-spec/blob/main/spec.md#labels
namespace compose_label {
inline constexpr const char* k_project = "com.docker.compose.project";
inline constexpr const char* k_service = "com.docker.compose.service";
inline constexpr const char* k_oneoff = "com.docker.compose.oneoff";
inline constexpr const char* k_number = "com.docker.compose.container-number";
inline constexpr const char* k_files = "com.docker.compose.project.config_files";
inline constexpr const char* k_hash = "com.docker.compose.config-hash";
}  // namespace compose_label

// The last line of `text` that begins with a version, as in "docker-compose version 1.29.2, build unknown",
// "Docker Compose version v2.26.1" and "2.26.1-4". Kind unsupported below 1.27, which is the first that reads
// files without `version:` beside files that have one; refused when there is none.
core::Result<std::vector<int>> compose_version(std::string_view text);

// Whether it is UTF-8 without a NUL byte: compose carries nothing else.
bool is_text(std::string_view text);

struct ComposePlace {
  std::string project, service;
  bool shared = false;  // both slots are in this project: nothing but the service may be touched
};

// The second `-f`: pins the image of the service and adds bgdeploy's labels; secrets by name only.
std::string compose_override(const spec::Spec& spec, std::size_t slot, const plan::Launch& launch,
                             const spec::ComposeService& service, const SecretValues& secrets,
                             const std::string& proxies = "");

// The same for a container that runs one command: its labels, and a mount that keeps docker from starting it.
std::string compose_one_off_override(const spec::Spec& spec, const OneOff::Request& request,
                                     const spec::ComposeService& service, const SecretValues& secrets);
// Nothing can be made there, whoever tries.
inline constexpr std::string_view k_never_mounted = "/proc/bgdeploy-creates-and-does-not-start";

// The variables that compose runs with. Kind usage: a value that is not UTF-8 text.
core::Result<std::map<std::string, core::Secret>> compose_environment(const spec::Spec& spec,
                                                                      std::size_t slot,
                                                                      const plan::Launch& launch,
                                                                      const Placement& placement,
                                                                      const SecretValues& secrets);

struct ComposeCall {
  std::vector<std::string> program;  // {"docker", "compose"}
  std::string folder;                // below the login user's home: "<service>/<slot>"
  std::string file;                  // the text, or
  std::string remote_file;           // the path on the host
  // One more folder that is to be there, as `folder` has it: docker would make it, and it would be root's.
  std::string other_folder{};
  std::string second_file;                // the text; empty: there is none
  bool keep = false;                      // the files stay in the folder; otherwise they are gone afterwards
  std::vector<plan::ComposeFile> beside;  // what stands beside it, where it is uploaded
  // Nothing is called, and nothing printed, unless what stands beside the file in the folder is just
  // `beside`.
  bool only_if_same = false;
  std::vector<std::string> profiles;  // to be enabled
  std::string project;
  std::map<std::string, core::Secret> environment;
  std::vector<std::string> arguments;  // {"up", "-d"}
  bool in_place = false;  // what stands beside the file is in the folder already, which the paths are of
  bool resolved = false;  // compose is given what its own `config` makes of the files
};

// For `sh -s`: names, a line each, folders below `folder` ("<service>/compose") with files that were uploaded
// for a slot, how many bytes these have, and where each of them is: "BYTES PATH". With `remove`, a list of
// those paths, it takes these files away instead. What others wrote there stays.
std::string compose_uploads_script(const std::string& folder, const std::vector<std::string>& remove);

// For `sh -s`. What was uploaded has its folder as project directory, what is on the host its own one.
core::Secret compose_script(const ComposeCall& call);

// Removes the folders of one-off containers, which are called as these: those of `gone`, and older ones than
// ten minutes unless they are of `there`.
std::vector<std::string> forget_folders(const std::string& service, const std::string& prefix,
                                        const std::vector<std::string>& there,
                                        const std::vector<std::string>& gone);

}  // namespace bgdeploy::runtime
