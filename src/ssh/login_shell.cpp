#include "bgdeploy/ssh/login_shell.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::ssh {
namespace {

constexpr std::size_t k_noise_limit = std::size_t{16} << 10;

}  // namespace

std::string make_mark() {
  std::random_device random;
  return fmt::format("bgdeploy-{:08x}{:08x}\n", random(), random());
}

std::string login_script(std::span<const std::string> argv, std::string_view mark) {
  // This shell runs the text of `sh -c TEXT NAME ARGUMENT…` itself: another one would cost a process. It
  // cannot change its own name, so a text that uses it ("$0", not awk's $0) gets a shell of its own.
  const bool runs_itself =
      argv.size() > 2 && argv[0] == "sh" && argv[1] == "-c" && argv[2].find("\"$0") == std::string::npos;
  // Not by `eval`: where a text in it redirects stdin, from which the shell reads its script, bash crashes.
  const auto words =
      runs_itself
          ? fmt::format("trap - PIPE; set -- {}\n{}",
                        core::shell_join(argv.subspan(std::min<std::size_t>(argv.size(), 4))), argv[2])
          : "exec " + core::shell_join(argv);
  // A caller may write its input and leave, so a mark that nobody reads must not end the shell. `exec` drops
  // the trap. With TMOUT, which a hardened host exports, bash would end when it waits for us.
  return fmt::format("{{ trap : PIPE; unset -v TMOUT; echo {0}; echo {0} >&2; {1}\nexit; }}\n",
                     core::trim(mark), words);
}

std::string Preface::take(std::string_view data) {
  if (m_over) return std::string(data);
  m_noise += data;
  if (const auto at = m_noise.find(m_mark); at != std::string::npos) {
    m_over = true;
    auto rest = m_noise.substr(at + m_mark.size());
    m_noise.resize(at);
    return rest;
  }
  if (m_noise.size() > 2 * k_noise_limit) m_noise.erase(0, m_noise.size() - k_noise_limit);
  return {};
}

}  // namespace bgdeploy::ssh
