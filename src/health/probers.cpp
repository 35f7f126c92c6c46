#include "probers.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/core/utf8.hpp"
#include "bgdeploy/runtime/docker_words.hpp"

namespace bgdeploy::health {
namespace {

constexpr std::size_t k_longest_answer = 200;

class DockerProber final : public Prober {
public:
  DockerProber(const spec::Health& health, const Target& target)
      : m_inspection(target.inspection), m_container(target.container), m_timeout(health.timeout) {}

  Answer probe(const core::Wait& wait) override {
    const auto diagnosis = m_inspection.diagnose(m_container, wait.at_most(m_timeout));
    if (!diagnosis) return failure(diagnosis.error(), m_timeout);
    if (diagnosis->health.empty())
      return {.text = "its image has no HEALTHCHECK, which health.docker asks for",
              .is_final = true,
              .next = "give the image a HEALTHCHECK, or set health.http, health.tcp or health.exec"};
    return {.healthy = diagnosis->health == "healthy",
            .text = answer_text(with_first_line("docker says " + diagnosis->health, diagnosis->health_log)),
            .early = diagnosis->health == "starting" && diagnosis->restarts == 0};
  }

private:
  runtime::Inspection& m_inspection;
  const std::string m_container;
  const core::Duration m_timeout;
};

class ExecProber final : public Prober {
public:
  ExecProber(const spec::HealthExec& exec, const spec::Health& health, const Target& target)
      : m_inspection(target.inspection),
        m_container(target.container),
        m_argv(exec.argv),
        m_timeout(health.timeout) {}

  Answer probe(const core::Wait& wait) override {
    constexpr std::size_t k_enough = 65536;  // for a first line
    std::string out, err;
    const auto exit_code = m_inspection.exec(
        m_container, m_argv, nullptr,
        [&](bool is_stderr, std::string_view piece) {
          std::string& text = is_stderr ? err : out;
          text.append(piece.substr(0, k_enough - text.size()));
        },
        wait.at_most(m_timeout));
    if (!exit_code) return failure(exit_code.error(), m_timeout);
    constexpr int k_not_executable = 126, k_not_found = 127;
    const auto said = runtime::without_layers(std::string(core::trim(core::trim(err).empty() ? out : err)));
    Answer answer{*exit_code == 0,
                  answer_text(with_first_line(fmt::format("exit code {}", *exit_code), said))};
    if (*exit_code == k_not_found || *exit_code == k_not_executable)
      answer.next = fmt::format("set health.exec to a command that the image has: {} is not one",
                                core::printable(m_argv.front()));
    return answer;
  }

private:
  runtime::Inspection& m_inspection;
  const std::string m_container;
  const std::vector<std::string> m_argv;
  const core::Duration m_timeout;
};

// A restart policy hides an end: docker starts the container again, and the time counts anew.
class RunningProber final : public Prober {
public:
  RunningProber(const spec::HealthRunning& running, const spec::Health& health, const Target& target)
      : m_inspection(target.inspection),
        m_container(target.container),
        m_for(running.for_at_least),
        m_timeout(health.timeout) {}

  Answer probe(const core::Wait& wait) override {
    const auto diagnosis = m_inspection.diagnose(m_container, wait.at_most(m_timeout));
    if (!diagnosis) return failure(diagnosis.error(), m_timeout);
    const auto& running = diagnosis->running_for;
    if (!running) return {.text = fmt::format("not running, exit code {}", diagnosis->exit_code)};
    return {.healthy = *running >= m_for,
            .text = "running for " + core::format_duration(std::max(*running, core::Duration(0))),
            .early = *running < m_for && diagnosis->restarts == 0};
  }

private:
  runtime::Inspection& m_inspection;
  const std::string m_container;
  const core::Duration m_for, m_timeout;
};

}  // namespace

std::unique_ptr<Prober> docker_prober(const spec::Health& health, const Target& target) {
  return std::make_unique<DockerProber>(health, target);
}

std::unique_ptr<Prober> exec_prober(const spec::HealthExec& exec, const spec::Health& health,
                                    const Target& target) {
  return std::make_unique<ExecProber>(exec, health, target);
}

std::string answer_text(std::string_view text) {
  std::string line = core::printable(core::trim(text));
  if (line.size() <= k_longest_answer) return line;
  std::size_t end = 0;
  while (end + core::utf8_length(std::string_view(line).substr(end)) <= k_longest_answer)
    end += core::utf8_length(std::string_view(line).substr(end));
  return line.substr(0, end) + "…";
}

std::string with_first_line(std::string text, std::string_view more) {
  const auto words = core::trim(more);
  if (words.empty()) return text;
  return text + ": " + std::string(core::trim(words.substr(0, words.find('\n'))));
}

core::Result<Route> route_to(const Target& target, bool direct) {
  const auto& address = target.reachable.address;
  const int port = target.reachable.port;
  if (direct) return Route{{target.direct_address, port}, {}};
  const host::TcpEndpoint endpoint{address, port};
  if (!target.socket.empty()) return Route{endpoint, target.socket};
  BGDEPLOY_ASSIGN(auto socket, target.host.socket_to(endpoint));
  return Route{endpoint, std::move(socket)};
}

Answer failure(const core::Error& error, core::Duration timeout) {
  if (error.kind == core::ErrorKind::timeout)
    return {.text = "timed out after " + core::format_duration(timeout), .timed_out = true};
  return {.text = answer_text(error.message), .lost = error.kind == core::ErrorKind::lost};
}

std::unique_ptr<Prober> make_prober(const spec::Health& health, const Target& target) {
  struct Make {
    const spec::Health& health;
    const Target& target;
    std::unique_ptr<Prober> operator()(const spec::HealthHttp& http) const {
      return http_prober(http, health, target);
    }
    std::unique_ptr<Prober> operator()(const spec::HealthTcp&) const { return tcp_prober(health, target); }
    std::unique_ptr<Prober> operator()(const spec::HealthDocker&) const {
      return docker_prober(health, target);
    }
    std::unique_ptr<Prober> operator()(const spec::HealthExec& exec) const {
      return exec_prober(exec, health, target);
    }
    std::unique_ptr<Prober> operator()(const spec::HealthRunning& running) const {
      return std::make_unique<RunningProber>(running, health, target);
    }
  };
  return std::visit(Make{health, target}, health.probe);
}

}  // namespace bgdeploy::health
