#include "watch/read_log.hpp"

#include <fmt/format.h>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using core::Result;

// Arguments: LOG INODE OFFSET LIMIT; an empty INODE asks for the place where the log ends. Says the new place
// in its first line, and then what was appended, of which only the newest LIMIT bytes. A log that was renamed
// is read to its end first; one that was cut (copytruncate) from its beginning. Exit code 3: there is none,
// as for a moment while it is rotated; 4: it is no log.
constexpr std::string_view k_read_log = R"sh(
log=$1 inode=$2 offset=$3 limit=$4
place() { stat -L -c '%i %s' -- "$1"; }
appended() {
  from=$2
  [ $(($3 - from)) -le "$limit" ] || from=$(($3 - limit))
  [ "$3" -le "$from" ] || tail -c +$((from + 1)) -- "$1" | head -c $(($3 - from))
}
[ -e "$log" ] || { printf 'it does not exist\n' >&2; exit 3; }
[ -f "$log" ] || { printf 'it is not a regular file\n' >&2; exit 4; }
: <"$log" || exit 1
now=$(place "$log") || exit 1
size=${now#* }
printf '%s\n' "$now"
[ -n "$inode" ] || exit 0
if [ "${now%% *}" != "$inode" ]; then
  for old in "$log".1 "$log"-*; do
    [ -f "$old" ] || continue
    was=$(place "$old") || continue
    [ "${was%% *}" = "$inode" ] || continue
    appended "$old" "$offset" "${was#* }"
    break
  done
  offset=0
elif [ "$size" -lt "$offset" ]; then
  offset=0
fi
appended "$log" "$offset" "$size"
)sh";
constexpr std::size_t k_most_bytes = std::size_t{4} << 20;
constexpr int k_no_log = 3, k_other_file = 4;

}  // namespace

Result<std::string> read_log(host::Host& host, const std::string& path, LogPlace& place,
                             const core::Wait& wait) {
  BGDEPLOY_ASSIGN(const auto output,
                  host.run({{"sh", "-c", std::string(k_read_log), "bgdeploy", path, place.inode,
                             std::to_string(place.offset), std::to_string(k_most_bytes)},
                            host::Tool::other,
                            {}},
                           wait));
  if (output.exit_code == k_no_log && !place.inode.empty()) return std::string();
  if (!output.ok()) {
    const auto lines = core::split_lines(core::printable(output.err, true));
    return core::fail(
        ErrorKind::refused,
        fmt::format("{}: {} cannot be read: {}", host.name(), path, lines.empty() ? "" : lines.back()), {},
        output.exit_code == k_no_log || output.exit_code == k_other_file
            ? "set watch.responses.log to the access_log of the site, as `nginx -T` on the host shows it"
            : "let the user who logs in read it, as by the group adm, or set `sudo: true`");
  }
  const std::size_t newline = output.out.find('\n');
  const std::string_view first = std::string_view(output.out).substr(0, newline);
  const std::size_t blank = first.find(' ');
  const auto offset = blank == std::string_view::npos
                          ? std::nullopt
                          : core::parse_number<std::uint64_t>(first.substr(blank + 1));
  if (!offset || newline == std::string::npos)
    return core::fail(ErrorKind::refused,
                      fmt::format("{}: the end of {} cannot be found", host.name(), path));
  place = {std::string(first.substr(0, blank)), *offset};
  return output.out.substr(newline + 1);
}

}  // namespace bgdeploy::deploy
