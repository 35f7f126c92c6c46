// Dockerfiles. https://docs.docker.com/reference/dockerfile/
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/init/readers.hpp"

namespace bgdeploy::init {
namespace {

// "EOF" of "RUN <<-'EOF' sh"; empty where no here-document begins.
std::string document_of(std::string_view line) {
  std::size_t at = line.find("<<");
  if (at == std::string_view::npos || line.substr(at).starts_with("<<<")) return {};
  at = line.find_first_not_of("-'\"", at + 2);
  const std::size_t end = std::min(line.find_first_of(" \t'\"", at), line.size());
  return at < end ? std::string(line.substr(at, end - at)) : std::string();
}

// Instructions with their words, lines joined; comments and here-documents left out.
std::vector<std::string> instructions_of(std::string_view text) {
  std::vector<std::string> all;
  std::string document;  // the line that ends it
  bool goes_on = false;
  for (const std::string& whole : core::split_lines(text)) {
    std::string_view line = core::trim(whole);
    if (!document.empty()) {
      if (line == document) document.clear();
      continue;
    }
    if (line.empty() || line.starts_with('#')) continue;
    const bool more = line.ends_with('\\');
    if (more) line.remove_suffix(1);
    if (goes_on)
      (all.back() += ' ') += line;
    else
      all.emplace_back(line);
    goes_on = more;
    if (!more) document = document_of(all.back());
  }
  return all;
}

bool is(std::string_view instruction, std::string_view name) {
  if (instruction.size() <= name.size() || !std::string_view(" \t").contains(instruction[name.size()]))
    return false;
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

struct Stage {
  std::string name{};  // in small letters
  std::vector<int> exposed{};
  std::vector<std::string> unknown{};  // ports that nothing has a value for
  std::string healthcheck{};
  Variables values{};
};

class Stages {
public:
  void take(std::string_view instruction) {
    if (is(instruction, "FROM"))
      begin(words_of(instruction.substr(4)));
    else if (is(instruction, "ARG"))
      set(words_of(instruction.substr(4)), !m_all.empty());
    else if (m_all.empty())
      return;
    else if (is(instruction, "ENV"))
      set(words_of(instruction.substr(4)), true);
    else if (is(instruction, "EXPOSE"))
      expose(instruction.substr(7));
    else if (is(instruction, "HEALTHCHECK"))
      m_all.back().healthcheck = in_spec(instruction, m_all.back().values);
  }

  // The one that is built: the last one, unless `target` is the name or the number of another.
  Stage built(const std::string& target) const {
    const auto number = core::parse_number<std::size_t>(target);
    if (number && *number < m_all.size()) return m_all[*number];
    if (const auto found = find(target); !target.empty() && found != m_all.end()) return *found;
    return m_all.empty() ? Stage() : m_all.back();
  }

private:
  std::vector<Stage>::const_iterator find(std::string_view name) const {
    return std::ranges::find(m_all, core::to_lower(name), &Stage::name);
  }

  // "--platform=linux/amd64 base AS runner": it has what its base has.
  void begin(std::vector<std::string> words) {
    std::erase_if(words, [](const std::string& word) { return word.starts_with("--"); });
    const auto base = words.empty() ? m_all.end() : find(in_spec(words[0], m_before));
    Stage stage = base == m_all.end() ? Stage() : *base;
    stage.name = words.size() == 3 ? core::to_lower(words[2]) : "";
    m_all.push_back(std::move(stage));
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
    Variables& values = in_stage ? m_all.back().values : m_before;
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
    Stage& stage = m_all.back();
    for (const std::string& word : words_of(ports)) {
      const std::string port = in_spec(word, stage.values);
      if (port.ends_with("/udp")) continue;
      const auto number = core::parse_port(std::string_view(port).substr(0, port.find_first_of("/-")));
      if (!number)
        stage.unknown.push_back(word);
      else if (std::ranges::find(stage.exposed, *number) == stage.exposed.end())
        stage.exposed.push_back(*number);
    }
  }

  Variables m_before;
  std::vector<Stage> m_all;
};

// "--interval=30s --timeout=3s" of HEALTHCHECK.
HealthTimes times_of(std::string_view healthcheck) {
  const auto given = [&](std::string_view option) {
    const std::size_t at = healthcheck.substr(0, healthcheck.find("CMD")).find(option);
    if (at == std::string_view::npos) return std::string();
    const std::string_view value = healthcheck.substr(at + option.size());
    return std::string(value.substr(0, value.find_first_of(" \t")));
  };
  return {given("--interval="), given("--timeout="), given("--start-period="), given("--retries=")};
}

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
  Stages stages;
  draft.read_from(file.name);
  for (const std::string& instruction : instructions_of(file.text)) stages.take(instruction);
  const Stage stage = stages.built(draft.text({"build", "target"}));
  const std::string& healthcheck = stage.healthcheck;
  if (!draft.has({"image"}) && !draft.has({"build"}) && !draft.has({"compose"})) {
    const std::filesystem::path path = file.name;
    const bool outside = path.is_absolute() || file.name.starts_with("..");
    draft.guess({"build", "context"}, outside ? path.parent_path().string() : ".",
                "no image that is pulled was found: it is built on the hosts");
    const std::string name = outside ? path.filename().string() : file.name;
    if (name != "Dockerfile") draft.say({"build", "dockerfile"}, name);
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
  const bool asked = tell_health_url(draft, healthcheck, "HEALTHCHECK of " + file.name);
  if (!asked) draft.say({"health", "docker"}, true, "HEALTHCHECK of " + file.name);
  tell_health_times(draft, times_of(healthcheck), asked);
}

}  // namespace bgdeploy::init
