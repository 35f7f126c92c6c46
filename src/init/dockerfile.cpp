// Dockerfiles. https://docs.docker.com/reference/dockerfile/
#include <fmt/format.h>
#include <fmt/ranges.h>

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

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!(text = core::trim(text)).empty()) {
    words.emplace_back(text.substr(0, text.find_first_of(" \t")));
    text.remove_prefix(words.back().size());
  }
  return words;
}

// What is known of a stage: the last one is what runs.
class Stage {
public:
  std::vector<int> exposed;
  std::vector<std::string> unknown;  // ports that nothing has a value for
  std::string healthcheck;

  void take(std::string_view instruction) {
    if (is(instruction, "FROM"))
      begin();
    else if (is(instruction, "ARG"))
      set(words_of(instruction.substr(4)), m_begun);
    else if (is(instruction, "ENV"))
      set(words_of(instruction.substr(4)), true);
    else if (is(instruction, "EXPOSE"))
      expose(instruction.substr(7));
    else if (is(instruction, "HEALTHCHECK"))
      healthcheck = in_spec(instruction, m_values);
  }

private:
  void begin() {
    m_begun = true;
    m_values.clear();
    exposed.clear();
    unknown.clear();
    healthcheck.clear();
  }

  // What may be filled in later, in what is written.
  static void keep(Variables& values, const std::string& name, const std::string& text) {
    constexpr std::size_t k_longest = 4096;
    std::string value = in_spec(text, values);
    if (value.size() > k_longest || is_secret(name, value))
      values.erase(name);
    else
      values[name] = std::move(value);
  }

  // "NAME=value", "NAME value", and "NAME" alone, which takes the value from before the first stage.
  void set(const std::vector<std::string>& words, bool in_stage) {
    Variables& values = in_stage ? m_values : m_before;
    for (const std::string& word : words) {
      const std::size_t equals = word.find('=');
      std::string name = word.substr(0, equals), value;
      if (equals != std::string::npos)
        value = core::trim(std::string_view(word).substr(equals + 1));
      else if (const auto before = m_before.find(name); before != m_before.end())
        value = before->second;
      if (value.size() > 1 && (value[0] == '"' || value[0] == '\''))
        value = value.substr(1, value.size() - 2);
      keep(values, name, value);
    }
    const bool pair = words.size() == 2 && words[0].find('=') == std::string::npos;
    if (pair) keep(values, words[0], words[1]);
  }

  void expose(std::string_view ports) {
    for (const std::string& word : words_of(ports)) {
      const std::string port = in_spec(word, m_values);
      if (port.ends_with("/udp")) continue;
      const auto number = core::parse_port(std::string_view(port).substr(0, port.find_first_of("/-")));
      if (!number)
        unknown.push_back(word);
      else if (std::ranges::find(exposed, *number) == exposed.end())
        exposed.push_back(*number);
    }
  }

  Variables m_before, m_values;
  bool m_begun = false;
};

bool asks(std::string_view command, int port) {
  const std::string text = fmt::format(":{}", port);
  for (std::size_t at = command.find(text); at != std::string_view::npos; at = command.find(text, at + 1))
    if (at + text.size() == command.size() || !core::is_digit(command[at + text.size()])) return true;
  return false;
}

// Of several the one that the health check asks, else the first one.
int port_of(const Stage& stage) {
  for (const int port : stage.exposed)
    if (asks(stage.healthcheck, port)) return port;
  return stage.exposed.front();
}

}  // namespace

void read_dockerfile(Draft& draft, const File& file) {
  Stage stage;
  draft.read_from(file.name);
  for (const std::string& instruction : instructions_of(file.text)) stage.take(instruction);
  const std::string& healthcheck = stage.healthcheck;
  if (!draft.has({"image"}) && !draft.has({"build"}) && !draft.has({"compose"})) {
    draft.guess({"build", "context"}, ".",
                "no source names an image that is pulled: it is built on the hosts");
    if (file.name != "Dockerfile") draft.say({"build", "dockerfile"}, file.name);
  }
  for (const std::string& word : stage.unknown)
    draft.note(fmt::format("`EXPOSE {}` of {}: nothing says which port that is", word, file.name));
  if (stage.exposed.size() > 1)
    draft.guess(
        {"docker", "container_port"}, port_of(stage),
        fmt::format("one of the ports {} that {} exposes", fmt::join(stage.exposed, ", "), file.name));
  else if (!stage.exposed.empty())
    draft.say({"docker", "container_port"}, port_of(stage), "EXPOSE of " + file.name);
  if (healthcheck.empty() || healthcheck.find("NONE") != std::string::npos || draft.has({"health"})) return;
  if (!tell_health_url(draft, healthcheck, "HEALTHCHECK of " + file.name))
    draft.say({"health", "docker"}, true, "HEALTHCHECK of " + file.name);
}

}  // namespace bgdeploy::init
