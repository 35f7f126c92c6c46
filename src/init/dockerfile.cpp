// Dockerfiles. https://docs.docker.com/reference/dockerfile/
#include <algorithm>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/init/readers.hpp"

namespace bgdeploy::init {
namespace {

// Instructions with their words, lines joined; comments left out.
std::vector<std::string> instructions_of(std::string_view text) {
  std::vector<std::string> all;
  bool goes_on = false;
  for (const std::string& whole : core::split_lines(text)) {
    std::string_view line = core::trim(whole);
    if (line.empty() || line.starts_with('#')) continue;
    const bool more = line.ends_with('\\');
    if (more) line.remove_suffix(1);
    if (goes_on)
      (all.back() += ' ') += line;
    else
      all.emplace_back(line);
    goes_on = more;
  }
  return all;
}

bool is(std::string_view instruction, std::string_view name) {
  if (instruction.size() <= name.size() || instruction[name.size()] != ' ') return false;
  for (std::size_t i = 0; i < name.size(); ++i)
    if ((instruction[i] & ~0x20) != name[i]) return false;
  return true;
}

}  // namespace

void read_dockerfile(Draft& draft, const File& file) {
  std::vector<int> exposed;
  std::string healthcheck;
  draft.read_from(file.name);
  // Each stage begins anew: the last one is what runs.
  for (const std::string& instruction : instructions_of(file.text)) {
    if (is(instruction, "FROM")) {
      exposed.clear();
      healthcheck.clear();
    } else if (is(instruction, "EXPOSE")) {
      std::string_view ports = std::string_view(instruction).substr(7);
      while (!(ports = core::trim(ports)).empty()) {
        const std::string_view word = ports.substr(0, ports.find_first_of(" \t"));
        ports.remove_prefix(word.size());
        if (!word.ends_with("/udp"))
          if (const auto port = core::parse_port(word.substr(0, word.find('/')))) exposed.push_back(*port);
      }
    } else if (is(instruction, "HEALTHCHECK")) {
      healthcheck = instruction;
    }
  }
  if (!draft.has({"image"}) && !draft.has({"build"}) && !draft.has({"compose"})) {
    draft.guess({"build", "context"}, ".",
                "no source names an image that is pulled: it is built on the hosts");
    if (file.name != "Dockerfile") draft.say({"build", "dockerfile"}, file.name);
  }
  if (exposed.size() > 1)
    draft.guess({"docker", "container_port"}, exposed[0], "the first EXPOSE of " + file.name);
  else if (!exposed.empty())
    draft.say({"docker", "container_port"}, exposed[0], "EXPOSE of " + file.name);
  if (healthcheck.empty() || healthcheck.find("NONE") != std::string::npos || draft.has({"health"})) return;
  if (!tell_health_url(draft, healthcheck, "HEALTHCHECK of " + file.name))
    draft.say({"health", "docker"}, true, "HEALTHCHECK of " + file.name);
}

}  // namespace bgdeploy::init
