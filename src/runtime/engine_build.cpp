// `docker build` on the host, fed with the context through its stdin.
#include <fmt/format.h>

#include <deque>
#include <thread>

#include "bgdeploy/context/archive.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/host/sudo.hpp"
#include "bgdeploy/runtime/docker_container.hpp"
#include "engine_images.hpp"

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;

constexpr std::size_t k_build_lines = 30;  // of a build that failed
constexpr std::size_t k_piece = std::size_t{128} << 10;
constexpr auto k_build_end = std::chrono::seconds(10);  // for a build that was given up

// Arguments: the words before docker, the archive's length for BuildKit and for the classic builder, where
// the daemon listens (empty: docker knows), then what `docker build` is given. Stdin: the archive; it stays
// open until the build is over, since its end is what ends a build whose deployer is gone (sshd sends no
// signal). Stdout: "missing WORDS", or "buildkit" or "classic", then all that the build says. Its exit code
// is the build's.
//
// What waits for that end is a child of the pipeline's first part, not a part of it: `wait` is for all parts.
//
// A docker command that waits for a daemon which does not end the build is killed: BuildKit in Docker 20.10
// was seen to go on with a RUN that was cancelled.
//
// Only variables that need no sudo rule but docker's own are set: none where sudo is for docker alone.
// Command lines before 23.0 have BuildKit built in, later ones as a plugin.
constexpr const char* k_script = R"sh(
sudo=$1 size=$2 classic_size=$3 at=$4
shift 4
version=$($sudo docker --version 2>&1) || { echo "missing $version"; exit 1; }
builder=buildkit
if $sudo docker ${at:+--host "$at"} buildx version >/dev/null 2>&1; then
  set -- $sudo docker ${at:+--host "$at"} buildx build --load --progress=plain "$@"
else
  case $sudo,$version in
    ,'Docker version '1[89].* | ,'Docker version '2[012].*)
      set -- env DOCKER_BUILDKIT=1 docker ${at:+--host "$at"} build --progress=plain "$@" ;;
    *)
      builder=classic size=$classic_size
      if [ -z "$sudo" ]; then set -- env DOCKER_BUILDKIT=0 docker ${at:+--host "$at"} build "$@"
      else set -- $sudo docker ${at:+--host "$at"} build "$@"; fi ;;
  esac
fi
echo $builder
build=
end() {
  if [ -n "$build" ]; then
    kill "$build"
    { sleep 3; kill -KILL "$build"; } >/dev/null 2>&1 &
    wait "$build"
  fi
  exit 143
}
trap end TERM
exec 3<&0 </dev/null
{
  head -c "$size" <&3
  exec >&-
  { cat <&3 >/dev/null; kill $$; } &
} 2>/dev/null | "$@" 3<&- 2>&1 &
build=$!
exec 3<&-
wait "$build"
)sh";

std::vector<std::string> build_arguments(const plan::Release& release, const spec::Build& build,
                                         const std::string& service) {
  std::vector<std::string> argv{"--force-rm",
                                "--file",
                                build.dockerfile,
                                "--tag",
                                image_reference(release),
                                "--label",
                                fmt::format("{}={}", label::k_build, release.digest)};
  if (!service.empty())
    argv.insert(argv.end(), {"--label", fmt::format("{}={}", label::k_build_of, service)});
  if (!release.tag.empty()) argv.insert(argv.end(), {"--tag", release.image + ":" + release.tag});
  if (build.target) argv.insert(argv.end(), {"--target", *build.target});
  for (const auto& [name, value] : build.args)
    argv.insert(argv.end(), {"--build-arg", fmt::format("{}={}", name, value)});
  argv.push_back("-");
  return argv;
}

// What a terminal would show of a line: without colours, and with what was written over left out.
std::string shown(std::string_view line) {
  while (line.ends_with('\r')) line.remove_suffix(1);
  if (const auto start = line.rfind('\r'); start != std::string_view::npos) line.remove_prefix(start + 1);
  std::string text;
  while (!line.empty()) {
    if (!line.starts_with("\x1b[")) {
      text += line[0];
      line.remove_prefix(1);
      continue;
    }
    const auto end = line.find_first_not_of("0123456789;:?", 2);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  return core::printable(text);
}

// Sends the archive in pieces of some size. Ends the process's input when that fails: nothing is to be built
// then.
Result<void> send(host::Process& process, const context::Files& files, bool classic, const Wait& wait) {
  std::string pending;
  const auto flush = [&]() -> Result<void> {
    BGDEPLOY_TRY(process.write_slowly(pending, wait));
    pending.clear();
    return {};
  };
  auto sent = context::write_archive(files, classic, [&](std::string_view piece) -> Result<void> {
    pending += piece;
    return pending.size() < k_piece ? Result<void>{} : flush();
  });
  if (sent) sent = flush();
  if (!sent) (void)process.close_input();
  return sent;
}

class Build {
public:
  Build(host::Login at, host::Process& process, const std::function<void(const std::string&)>& output)
      : m_at(std::move(at)), m_process(process), m_output(output) {}

  // Its exit code.
  Result<int> run(const context::Files& files, const Wait& wait) {
    auto code = talk(files, wait);
    if (code || code.error().kind == ErrorKind::lost) return code;
    (void)m_process.close_input();
    (void)m_process.finish(Wait::for_at_most(k_build_end));
    return code;
  }
  std::vector<std::string> last_lines() const { return {m_last.begin(), m_last.end()}; }

private:
  Result<int> talk(const context::Files& files, const Wait& wait) {
    BGDEPLOY_ASSIGN(const auto builder, m_process.read_line(wait));
    if (!builder) BGDEPLOY_TRY(m_process.finish(wait));
    if (builder && host::refused_by_sudo(*builder))
      return std::unexpected(host::sudo_refusal(m_at, "docker", builder->substr(builder->find(' ') + 1)));
    if (!builder || builder->starts_with("missing"))
      return core::fail(ErrorKind::not_found, "there is no docker command, which `build` needs",
                        {core::printable(core::trim(builder.value_or("")))});
    Result<void> sent, heard;
    {
      const std::jthread sender([&] { sent = send(m_process, files, *builder == "classic", wait); });
      heard = listen(wait);
    }
    BGDEPLOY_TRY(heard);
    if (!sent && sent.error().kind != ErrorKind::lost) return std::unexpected(std::move(sent.error()));
    BGDEPLOY_ASSIGN(const auto end, m_process.finish(wait));
    return end.exit_code;
  }

  Result<void> listen(const Wait& wait) {
    for (;;) {
      BGDEPLOY_ASSIGN(const auto line, m_process.read_line(wait));
      if (!line) return {};
      const std::string text = shown(*line);
      if (text.empty()) continue;
      m_last.push_back(text);
      if (m_last.size() > k_build_lines) m_last.pop_front();
      if (m_output) m_output(text);
    }
  }

  const host::Login m_at;
  host::Process& m_process;
  const std::function<void(const std::string&)>& m_output;
  std::deque<std::string> m_last;
};

}  // namespace

Result<void> EngineImages::build(const plan::Release& release, const context::Files& files,
                                 const std::function<void(const std::string&)>& output, const Wait& wait) {
  // Where sudo covers everything, the script itself runs through it.
  const bool outside = !m_host.prefix(host::Tool::other).empty();
  std::vector<std::string> argv{
      "sh",
      "-c",
      k_script,
      "sh",
      outside ? "" : fmt::format("{}", fmt::join(m_host.prefix(host::Tool::docker), " ")),
      std::to_string(context::archive_size(files, false)),
      std::to_string(context::archive_size(files, true)),
      m_socket ? "unix://" + *m_socket : ""};
  for (auto& word : build_arguments(release, files.build, m_service)) argv.push_back(std::move(word));
  BGDEPLOY_ASSIGN(const auto process, m_host.start({std::move(argv), host::Tool::other, {}}, wait));
  Build build({m_host.name(), m_host.login()}, *process, output);
  BGDEPLOY_ASSIGN(const int code, build.run(files, wait));
  if (code != 0)
    return core::fail(ErrorKind::refused, fmt::format("docker build failed with exit code {}", code),
                      build.last_lines());
  BGDEPLOY_ASSIGN(const bool there, present(release, wait));
  if (there) return {};
  return core::fail(ErrorKind::refused,
                    fmt::format("docker build ended well, but docker has no {}", image_reference(release)),
                    build.last_lines());
}

}  // namespace bgdeploy::runtime
