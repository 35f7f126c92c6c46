#include "execute/ended.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bgdeploy/core/size.hpp"

namespace bgdeploy::deploy {
namespace {

struct ExitCode {
  int code;
  std::string_view means;
};

// 126 and 127 as in POSIX, 2.8.2; above 128 docker tells of signal N as 128 + N.
constexpr std::array<ExitCode, 7> k_exit_codes{{
    {126, "its command cannot be executed"},
    {127, "its command was not found"},
    {132, "SIGILL: an instruction that this processor does not have"},
    {134, "SIGABRT: it gave up by itself"},
    {runtime::k_killed,
     "it was killed (SIGKILL), most often for running out of memory (OOM), which docker cannot always tell"},
    {139, "SIGSEGV: it crashed"},
    {143, "SIGTERM: something stopped it"},
}};

}  // namespace

std::string how_it_ended(const runtime::Diagnosis& diagnosis) {
  const std::string words = fmt::format("exited with exit code {}", diagnosis.exit_code);
  if (diagnosis.oom_killed) return words + ": it ran out of memory (OOM) and was killed";
  const auto known = std::ranges::find(k_exit_codes, diagnosis.exit_code, &ExitCode::code);
  return known == k_exit_codes.end() ? words : fmt::format("{}: {}", words, known->means);
}

std::string after_its_end(const spec::Spec& spec, const std::string& host,
                          const runtime::Diagnosis& diagnosis, const runtime::Clues& clues) {
  if (!clues.image_architecture.empty())
    return fmt::format("build the image for {1}, as {0} is: docker build --platform linux/{1} …", host,
                       clues.host_architecture);
  if (diagnosis.oom_killed && clues.memory_limit)
    return fmt::format("raise {} ({}), or let the app take less",
                       spec.compose ? "its mem_limit" : "docker.mem_limit",
                       core::format_size(*clues.memory_limit));
  if (diagnosis.oom_killed || diagnosis.exit_code == runtime::k_killed)
    return fmt::format("see who killed it: sudo dmesg | tail, on {}", host);
  if (diagnosis.exit_code == 126 || diagnosis.exit_code == 127)
    return spec.compose ? "check `command` and `entrypoint` in the compose file"
                        : "check docker.command and docker.entrypoint against what the image has";
  if (diagnosis.exit_code == 0) return "let its command stay in the foreground: a container ends with it";
  return std::string(k_mend);
}

}  // namespace bgdeploy::deploy
