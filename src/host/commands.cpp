#include "commands.hpp"

#include <fmt/format.h>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::host {
namespace {

// $1 path, $2 mode, $3 owner or empty, $4 length in bytes: a broken connection ends the input as a whole file
// does. Follows a link, so that it stays one. The hidden name has no ending that configuration globs look
// for.
constexpr const char* k_write_file = R"(set -eu
path=$1 mode=$2 owner=$3 length=$4
if [ -L "$path" ]; then path=$(readlink -f -- "$path"); fi
dir=$(dirname -- "$path")
umask 077
mkdir -p -- "$dir"
temp=$(mktemp "$dir/.bgdeploy.XXXXXXXXXX")
trap 'rm -f -- "$temp"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$temp"
written=$(wc -c <"$temp")
[ "$written" -eq "$length" ]
if [ -n "$owner" ]; then chown -- "$owner" "$temp"; fi
chmod -- "$mode" "$temp"
sync -- "$temp" 2>/dev/null || :
mv -f -- "$temp" "$path"
trap - EXIT)";

}  // namespace

std::vector<std::string> sudo_prefix(const spec::Sudo& sudo, Tool tool) {
  const bool wanted =
      sudo.all || (sudo.docker && tool == Tool::docker) || (sudo.nginx && tool == Tool::nginx);
  return wanted ? std::vector<std::string>{"sudo", "-n", "--"} : std::vector<std::string>{};
}

Result<std::vector<std::string>> with_sudo(const spec::Sudo& sudo, const Command& command) {
  if (command.argv.empty()) return core::fail(core::ErrorKind::internal, "a command without words");
  for (const auto& word : command.argv)
    if (word.find('\0') != std::string::npos)
      return core::fail(core::ErrorKind::usage,
                        fmt::format("a word of the {} command holds a NUL byte", command.argv.front()));
  auto argv = sudo_prefix(sudo, command.tool);
  argv.insert(argv.end(), command.argv.begin(), command.argv.end());
  return argv;
}

Result<void> write_by_script(Host& host, const std::string& path, std::string_view content,
                             const FileAttributes& attributes, const Wait& wait) {
  const std::vector<std::string> argv = {"sh",
                                         "-c",
                                         k_write_file,
                                         "sh",
                                         path,
                                         fmt::format("{:04o}", attributes.mode),
                                         attributes.owner.value_or(""),
                                         std::to_string(content.size())};
  BGDEPLOY_ASSIGN(const auto output, host.run({argv, Tool::other, std::string(content)}, wait));
  if (output.ok()) return {};
  return core::fail(core::ErrorKind::refused, fmt::format("{}: cannot write {}", host.name(), path),
                    core::split_lines(core::printable(output.err, true)));
}

}  // namespace bgdeploy::host
