#include "compose/script.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/shell_variable.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/core/utf8.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "compose/archive.hpp"
#include "one_off.hpp"

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;
using core::Json;

// Text that compose takes as it is.
std::string without_variables(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c;
    if (c == '$') escaped += c;
  }
  return escaped;
}

// Secrets come under names of our own: theirs may be none for a shell ("spring.datasource.password"), or mean
// something to compose itself ("DOCKER_HOST").
std::string secret_variable(std::size_t index) {
  return fmt::format("BGDEPLOY_SECRET_{}", index);
}

// The file may also refer to a secret as ${DB_PASSWORD}.
bool is_harmless_variable(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (name.empty() || !letter(name[0])) return false;
  if (!std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); })) return false;
  for (const std::string_view prefix : {"COMPOSE_", "DOCKER_", "BGDEPLOY_", "LD_", "PYTHON"})
    if (name.starts_with(prefix)) return false;
  if (core::is_shell_variable(name)) return false;
  return name != "PATH" && name != "HOME" && name != "IFS" && name != "TMPDIR";
}

// The variables of the script itself begin as no variable of the user can: those are exported before its end.
constexpr std::string_view k_begin = R"sh(set -e
umask 077
unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES COMPOSE_PATH_SEPARATOR
export COMPOSE_REMOVE_ORPHANS=false COMPOSE_IGNORE_ORPHANS=true
as_login_user() {
  if [ "$(id -u)" = 0 ] && [ "${SUDO_USER:-root}" != root ]; then
    sudo -n -H -u "$SUDO_USER" -- "$@"
  else
    "$@"
  fi
}
put() { as_login_user sh -c 'umask 077; cat >"$1.new" && mv -f -- "$1.new" "$1"' sh "$1"; }
BGDEPLOY_HOME=$(as_login_user sh -c '
  [ -n "$HOME" ] || HOME=$({ getent passwd "$(id -un)" || grep "^$(id -un):" /etc/passwd; } 2>/dev/null | cut -d: -f6)
  printf %s "$HOME"')
)sh";

// What an earlier release had beside its file. An app may have put links into a folder that is mounted: none
// is followed out of ours.
constexpr std::string_view k_tidy =
    R"sh(as_login_user sh -c 'cd -P -- "$1" && root=$PWD && [ -f "$2" ] && [ ! -L "$2" ] || exit 0
while IFS= read -r file; do
  case /$file/ in //* | */../*) continue ;; esac
  folder=.
  case $file in */*) folder=${file%/*} ;; esac
  (cd -P -- "$folder" 2>/dev/null && case $PWD/ in "$root"/*) rm -f -- "${file##*/}" ;; esac)
done <"$2"
rm -f -- "$2"
exit 0' sh "$BGDEPLOY_AT" .bgdeploy-files
)sh";

// Ends the script where what was uploaded earlier is not what would be uploaded now. What an app wrote into a
// folder that is mounted is no difference.
constexpr std::string_view k_compare = R"sh(mkdir "$BGDEPLOY_AT/beside"
unpack "$BGDEPLOY_AT/beside"
if [ -f "$BGDEPLOY_FOLDER/.bgdeploy-files" ] || [ -s "$BGDEPLOY_AT/beside/.bgdeploy-files" ]; then
  cmp -s "$BGDEPLOY_AT/beside/.bgdeploy-files" "$BGDEPLOY_FOLDER/.bgdeploy-files" || exit 0
  cmp -s "$BGDEPLOY_AT/beside/.bgdeploy-sums" "$BGDEPLOY_FOLDER/.bgdeploy-sums" || exit 0
  while IFS= read -r BGDEPLOY_NAME; do
    cmp -s "$BGDEPLOY_AT/beside/$BGDEPLOY_NAME" "$BGDEPLOY_FOLDER/$BGDEPLOY_NAME" || exit 0
  done <"$BGDEPLOY_AT/beside/.bgdeploy-own"
fi
)sh";

constexpr std::string_view k_keep = R"sh(BGDEPLOY_AT=$BGDEPLOY_FOLDER
as_login_user sh -c 'umask 077; mkdir -p -- "$1"' sh "$BGDEPLOY_AT"
)sh";

// A shell that is told to end waits for compose to end first, and then tidies up.
constexpr std::string_view k_forget = R"sh(BGDEPLOY_AT=$(mktemp -d "${TMPDIR:-/tmp}/bgdeploy.XXXXXX")
trap 'rm -rf -- "$BGDEPLOY_AT"' EXIT
put() { cat >"$1"; }
)sh";

// Arguments: SERVICE PREFIX "NAME…" NAME…: what is there, and what is gone.
constexpr std::string_view k_forget_folders = R"sh(
cd -- "$BGDEPLOY_HOME/.local/state/bgdeploy/$1/compose" 2>/dev/null || exit 0
prefix=$2 there=" $3 "
shift 3
[ $# = 0 ] || as_login_user rm -rf -- "$@"
as_login_user find . -maxdepth 1 -name "$prefix*" -mmin +10 | while IFS= read -r old; do
  case $there in *" ${old#./} "*) ;; *) as_login_user rm -rf -- "$old" ;; esac
done
)sh";

}  // namespace

bool is_text(std::string_view text) {
  return core::is_utf8(text) && text.find('\0') == std::string_view::npos;
}

core::Result<std::vector<int>> compose_version(std::string_view text) {
  std::vector<int> version;
  for (const auto& line : core::split_lines(text)) {
    for (std::size_t at = 0; at < line.size(); ++at) {
      std::string_view rest = std::string_view(line).substr(at);
      const auto major = core::take_number<int>(rest);
      const auto minor = rest.starts_with('.') ? core::leading_number<int>(rest.substr(1)) : std::nullopt;
      if (major && minor) {
        version = {*major, *minor};
        break;
      }
      at = line.size() - rest.size();
    }
    if (!version.empty()) break;
  }
  if (version.empty()) return core::fail(ErrorKind::refused, "it tells no version");
  if (version < std::vector{1, 27})
    return core::fail(ErrorKind::unsupported,
                      fmt::format("docker-compose {}.{} is too old: 1.27 is needed", version[0], version[1]));
  return version;
}

namespace {

using Labels = std::map<std::string, std::string>;

Json pinned_service(const plan::Launch& launch, const Labels& labels, const SecretValues& secrets) {
  Json pinned{{"image", without_variables(image_reference(launch.release))}};
  for (const auto& [name, value] : labels) pinned["labels"][name] = without_variables(value);
  std::size_t index = 0;
  for (const auto& [name, value] : secrets_of(launch, secrets))
    pinned["environment"][name] = fmt::format("${{{}}}", secret_variable(index++));
  return pinned;
}

std::string second_file(const std::string& service, Json pinned) {
  return core::dump_json(Json{{"services", {{service, std::move(pinned)}}}}) + "\n";
}

}  // namespace

std::string compose_one_off_override(const spec::Spec& spec, const OneOff::Request& request,
                                     const spec::ComposeService& service, const SecretValues& secrets) {
  auto pinned = pinned_service(request.launch, one_off_labels(spec, request), secrets);
  pinned["volumes"] = {fmt::format("{0}:{0}:ro", k_never_mounted)};
  return second_file(service.name, std::move(pinned));
}

std::string compose_override(const spec::Spec& spec, std::size_t slot, const plan::Launch& launch,
                             const spec::ComposeService& service, const SecretValues& secrets,
                             const std::string& proxies) {
  const plan::Release& release = launch.release;
  Labels labels{{label::k_service, spec.service},  {label::k_slot, spec.slots.at(slot).name},
                {label::k_release, release.id},    {label::k_tag, release.tag},
                {label::k_digest, release.digest}, {label::k_image, release.image}};
  if (!proxies.empty()) labels[label::k_proxies] = proxies;
  if (!service.restart.empty()) labels[label::k_restart] = service.restart;
  auto pinned = pinned_service(launch, labels, secrets);
  if (std::get<plan::ComposeLaunch>(launch.with).settings.named.at(slot))
    pinned["container_name"] = spec.slots.at(slot).container;
  return second_file(service.name, std::move(pinned));
}

core::Result<std::map<std::string, core::Secret>> compose_environment(const spec::Spec& spec,
                                                                      std::size_t slot,
                                                                      const plan::Launch& launch,
                                                                      const Placement& placement,
                                                                      const SecretValues& secrets) {
  std::map<std::string, core::Secret> environment;
  std::size_t index = 0;
  for (const auto& [name, value] : secrets_of(launch, secrets)) {
    if (!is_text(value.reveal()))
      return core::fail(
          ErrorKind::usage,
          fmt::format("the secret {} is not UTF-8 text, and compose carries nothing else", name));
    environment[secret_variable(index++)] = value;
    if (is_harmless_variable(name)) environment[name] = value;
  }
  const auto values = plan::substitutions(spec, slot, launch.release.tag, placement.host, placement.address);
  for (const auto& [name, value] : std::get<plan::ComposeLaunch>(launch.with).settings.environment)
    environment[name] = core::Secret(core::substitute(value, values));
  if (spec.docker_socket) environment["DOCKER_HOST"] = core::Secret("unix://" + *spec.docker_socket);
  environment["BGDEPLOY_TAG"] = core::Secret(launch.release.tag);
  environment["BGDEPLOY_SLOT"] = core::Secret(spec.slots.at(slot).name);
  if (!spec::is_worker(spec))
    environment["BGDEPLOY_PORT"] = core::Secret(std::to_string(spec.slots.at(slot).port));
  environment["BGDEPLOY_IMAGE"] = core::Secret(image_reference(launch.release));
  return environment;
}

namespace {

// How the file, and what is added to it, are called in the folder, where others may be called so too.
std::string free_name(const ComposeCall& call, std::string_view name) {
  const bool taken = std::ranges::any_of(call.beside, [&](const auto& file) { return file.path == name; });
  return taken ? "." + free_name(call, "bgdeploy." + std::string(name)) : std::string(name);
}

// Puts what stands beside the file where compose looks for it: into the folder that is kept, or beside the
// copy that is thrown away.
std::string with_files_beside(const ComposeCall& call) {
  if (!call.remote_file.empty()) return {};
  std::string script;
  const bool unpacks = !call.beside.empty() || call.only_if_same;
  if (unpacks)
    script += fmt::format("unpack() {{ printf %s '{}' | base64 -d | {}tar -xpof - -C \"$1\"; }}\n",
                          compose_archive(call.beside), call.keep ? "as_login_user " : "");
  if (call.keep) script += k_tidy;
  if (call.only_if_same)
    script += k_compare;
  else if (unpacks)
    script += "unpack \"$BGDEPLOY_AT\"\n";
  return script;
}

}  // namespace

std::string compose_uploads_script(const std::string& folder, const std::vector<std::string>& remove) {
  std::string script(k_begin);
  if (remove.empty())
    return script + fmt::format(R"sh(as_login_user sh -c 'for at in "$1"/*/; do
  at=${{at%/}}
  [ -d "$at" ] && [ ! -L "$at" ] || continue
  [ -f "$at/compose.yml" ] || [ -f "$at/.bgdeploy-files" ] || continue
  bytes=$(du -sk -- "$at" 2>/dev/null | cut -f1)
  printf "%s %s\n" "$(( ${{bytes:-0}} * 1024 ))" "$at"
done' sh "$BGDEPLOY_HOME"/.local/state/bgdeploy/{}
)sh",
                                core::shell_quote(folder));
  for (const auto& path : remove) {
    script += fmt::format("BGDEPLOY_AT={}\n", core::shell_quote(path));
    script += k_tidy;
    script += R"sh(as_login_user sh -c 'cd -P -- "$1" || exit 0
rm -f -- compose.yml bgdeploy.yml .bgdeploy.compose.yml .bgdeploy.bgdeploy.yml .bgdeploy-sums .bgdeploy-own
find . -depth -type d -empty -exec rmdir -- {} + 2>/dev/null
cd / && rmdir -- "$1" 2>/dev/null
exit 0' sh "$BGDEPLOY_AT"
)sh";
  }
  return script;
}

core::Secret compose_script(const ComposeCall& call) {
  const auto quote = [](std::string_view text) { return core::shell_quote(text); };
  std::string script(k_begin);
  script += fmt::format("BGDEPLOY_FOLDER=$BGDEPLOY_HOME/.local/state/bgdeploy/{}\n", quote(call.folder));
  script += call.keep ? k_keep : k_forget;
  if (!call.other_folder.empty())
    script += fmt::format(
        "as_login_user sh -c 'umask 077; mkdir -p -- \"$1\"' sh "
        "\"$BGDEPLOY_HOME/.local/state/bgdeploy/\"{}\n",
        quote(call.other_folder));
  script += "trap 'exit 143' TERM\n";
  script += with_files_beside(call);
  if (call.remote_file.empty()) {
    const bool apart = !call.beside.empty() && !call.keep && !call.only_if_same && !call.in_place;
    script += fmt::format(
        "BGDEPLOY_FILE=$BGDEPLOY_AT/{}\nprintf %s {} | put \"$BGDEPLOY_FILE\"\n"
        "BGDEPLOY_DIRECTORY={}\n",
        free_name(call, "compose.yml"), quote(call.file), apart ? "$BGDEPLOY_AT" : "$BGDEPLOY_FOLDER");
  } else if (call.remote_file.starts_with("~/")) {
    script += fmt::format("BGDEPLOY_FILE=$BGDEPLOY_HOME/{}\n", quote(call.remote_file.substr(2)));
  } else {
    script += fmt::format("BGDEPLOY_FILE={}\n", quote(call.remote_file));
  }
  if (!call.remote_file.empty())
    script += "BGDEPLOY_DIRECTORY=${BGDEPLOY_FILE%/*}\nBGDEPLOY_DIRECTORY=${BGDEPLOY_DIRECTORY:-/}\n";
  if (!call.second_file.empty())
    script += fmt::format("BGDEPLOY_SECOND=$BGDEPLOY_AT/{}\nprintf %s {} | put \"$BGDEPLOY_SECOND\"\n",
                          free_name(call, "bgdeploy.yml"), quote(call.second_file));
  std::string words;  // of what the shell would not let pass
  for (const auto& [name, value] : call.environment) {
    if (core::is_shell_variable(name))
      words += fmt::format("{}={} ", name, quote(value.reveal()));
    else
      script += fmt::format("export {}={}\n", name, quote(value.reveal()));
  }
  if (!words.empty()) words = "env " + words;
  // Compose also reads the .env of where it is called.
  script += "cd -- \"$BGDEPLOY_DIRECTORY\" 2>/dev/null || cd /\n";
  std::string profiles;
  for (const auto& profile : call.profiles) profiles += "--profile " + quote(profile) + " ";
  const auto compose = [&](std::string_view files, const std::vector<std::string>& arguments) {
    return fmt::format("{}{} -p {} {} --project-directory \"$BGDEPLOY_DIRECTORY\" {}{}", words,
                       core::shell_join(call.program), quote(call.project), files, profiles,
                       core::shell_join(arguments));
  };
  const std::string files =
      call.second_file.empty() ? "-f \"$BGDEPLOY_FILE\"" : "-f \"$BGDEPLOY_FILE\" -f \"$BGDEPLOY_SECOND\"";
  if (call.resolved)
    script += compose(files, {"config"}) + " </dev/null | " + compose("-f -", call.arguments) + "\n";
  else
    script += compose(files, call.arguments) + " </dev/null\n";
  return core::Secret(std::move(script));
}

std::vector<std::string> forget_folders(const std::string& service, const std::string& prefix,
                                        const std::vector<std::string>& there,
                                        const std::vector<std::string>& gone) {
  std::vector<std::string> argv{"sh",
                                "-c",
                                std::string(k_begin) + std::string(k_forget_folders),
                                "bgdeploy",
                                service,
                                prefix,
                                fmt::format("{}", fmt::join(there, " "))};
  argv.insert(argv.end(), gone.begin(), gone.end());
  return argv;
}

}  // namespace bgdeploy::runtime
