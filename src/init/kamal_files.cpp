// Kamal's main file, and those of its destinations.
#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/spec/document.hpp"
#include "kamal.hpp"

namespace bgdeploy::init {
namespace {

std::string base_name(std::string_view name) {
  return std::string(name.substr(name.rfind('/') + 1));
}

// Kamal's own name for it; else whichever was given.
const File& main_of(std::span<const File> files) {
  const auto found = std::ranges::find_if(files, [](const File& file) {
    const std::string name = base_name(file.name);
    return name == "deploy.yml" || name == "deploy.yaml";
  });
  return found == files.end() ? files.front() : *found;
}

// "staging" of "config/deploy.staging.yml".
std::string destination_of(std::string_view name) {
  constexpr std::string_view k_begin = "deploy.";
  std::string text = base_name(name);
  text.erase(text.rfind('.'));
  return text.starts_with(k_begin) ? text.substr(k_begin.size()) : std::string();
}

// A tag of ERB has a stand-in while the file is read: letters of Unicode that nobody uses.
constexpr std::string_view k_begin = "\uE000", k_end = "\uE001";

// "HOST:?has to be set" of `ENV["HOST"]`, "HOST:-x" of `ENV.fetch('HOST', "x")` and `ENV["HOST"] || "x"`;
// empty where it is anything else.
std::string variable_of(std::string_view expression) {
  constexpr std::string_view k_quotes = "\"'";
  std::vector<std::string> texts;
  std::string code;
  for (std::size_t at = 0; at < expression.size(); ++at) {
    const char c = expression[at];
    const std::size_t end = k_quotes.contains(c) ? expression.find(c, at + 1) : std::string_view::npos;
    if (end == std::string_view::npos) {
      if (c != ' ') code += c;
      continue;
    }
    texts.emplace_back(expression.substr(at + 1, end - at - 1));
    code += '"';
    at = end;
  }
  const bool plain = code == "ENV[\"]" || code == "ENV.fetch(\")";
  const bool has_default = code == "ENV.fetch(\",\")" || code == "ENV[\"]||\"";
  if (!plain && !has_default) return {};
  if (texts[0].empty() || texts[0].find_first_of("${}:") != std::string::npos) return {};
  return has_default && !texts[1].contains('}') ? texts[0] + ":-" + texts[1] : texts[0] + ":?has to be set";
}

// Without code, whose lines go too, and with stand-ins for what code writes.
std::string without_erb(std::string_view text) {
  std::string out;
  for (std::size_t begin = text.find("<%"); begin != std::string_view::npos; begin = text.find("<%")) {
    const std::size_t end = text.find("%>", begin);
    if (end == std::string_view::npos) break;
    out += text.substr(0, begin);
    std::string_view code = text.substr(begin + 2, end - begin - 2);
    text.remove_prefix(end + 2);
    if (code.ends_with('-')) code.remove_suffix(1);
    if (code.starts_with('=')) {
      out += std::string(k_begin) + variable_of(code.substr(1)) + std::string(k_end);
      continue;
    }
    const std::size_t line = out.rfind('\n') + 1;
    if (out.find_first_not_of(" \t", line) != std::string::npos) continue;
    const std::size_t rest = text.find_first_not_of(" \t\r");
    if (rest != std::string_view::npos && text[rest] != '\n') continue;
    out.erase(line);
    text.remove_prefix(rest == std::string_view::npos ? text.size() : rest + 1);
  }
  return out += text;
}

// What the stand-ins stand for; `unknown`: nobody can say. `name`: of a variable that is all of it.
std::string with_variables(std::string text, bool& unknown, std::string& name) {
  for (std::size_t at = text.find(k_begin); at != std::string::npos; at = text.find(k_begin)) {
    const std::size_t end = text.find(k_end, at);
    if (end == std::string::npos) break;
    const std::string variable = text.substr(at + k_begin.size(), end - at - k_begin.size());
    unknown = unknown || variable.empty();
    if (at == 0 && end + k_end.size() == text.size()) name = variable.substr(0, variable.find(':'));
    text.replace(at, end + k_end.size() - at, variable.empty() ? "fill-in" : "${" + variable + "}");
  }
  return text;
}

Json with_variables(Json value, bool& unknown, std::string& name) {
  if (value.is_string()) return with_variables(value.get<std::string>(), unknown, name);
  if (value.is_structured())
    for (Json& one : value) one = with_variables(std::move(one), unknown, name);
  return value;
}

void settle_variables(Draft& draft) {
  const auto findings = draft.findings();
  for (const Finding& one : findings) {
    bool unknown = false;
    std::string name;
    Json value = with_variables(one.value, unknown, name);
    if (value == one.value) continue;
    const bool is_environment = one.path.size() > 1 && one.path[one.path.size() - 2] == "environment";
    if (unknown) {
      draft.drop(one.path);
      draft.fill_in(one.path, std::move(value),
                    "`fill-in` stands for code of ERB (<%= … %>), which was not run");
    } else if (is_environment && value.is_string() && !secret_in(value.get<std::string>()).empty()) {
      Path path = one.path;
      path[path.size() - 3] = "secrets";
      path.erase(path.end() - 2);
      draft.drop(one.path);
      draft.say(std::move(path), Json{{"env", name.empty() ? one.path.back() : name}},
                "its value was not copied");
    } else {
      draft.change(one.path, std::move(value), one.comment);
    }
  }
}

core::Result<Json> parse(Draft& draft, const File& file) {
  if (file.text.contains("<%")) draft.note(fmt::format("{} has ERB (<% … %>), which was not run", file.name));
  draft.read_from(file.name);
  return kamal_json(file);
}

// What .kamal/secrets, which a shell reads, says of each name: a file, a command, or another variable. What
// is anything else, as a value is, comes from the environment.
Json secrets_of(std::string_view text) {
  constexpr std::string_view k_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
  constexpr std::string_view k_syntax = "\"'\\|&;<>()*?[]{}~#`";
  Json all = Json::object();
  for (const std::string& line : core::split_lines(text)) {
    std::string_view rest = core::trim(line);
    if (rest.starts_with("export ")) rest.remove_prefix(7);
    const std::size_t equals = rest.find('=');
    const std::string name(rest.substr(0, equals));
    if (equals == std::string_view::npos || name.empty() || name.find_first_not_of(k_letters) != name.npos)
      continue;
    rest.remove_prefix(equals + 1);
    if (rest.size() > 1 && rest[0] == '"' && rest.back() == '"') rest = rest.substr(1, rest.size() - 2);
    Json source{{"env", name}};
    if (rest.starts_with("$(") && rest.ends_with(')')) {
      const std::string command(core::trim(rest.substr(2, rest.size() - 3)));
      std::vector<std::string> words;
      for (std::string_view left = command; !(left = core::trim(left)).empty();) {
        words.emplace_back(left.substr(0, left.find_first_of(" \t")));
        left.remove_prefix(words.back().size());
      }
      const bool plain = command.find_first_of(k_syntax) == std::string::npos;
      const bool ours = words.empty() || words[0] == "kamal" || words[0] == "echo" || words[0] == "printf";
      if (ours || command.contains('$') || is_secret("", command))
        ;  // it takes what Kamal alone has, or is the value
      else if (plain && words.size() == 2 && words[0] == "cat")
        source = {{"file", words[1]}};
      else
        source = {{"command", plain ? words : std::vector<std::string>{"sh", "-c", command}}};
    } else if (rest.starts_with('$')) {
      std::string other(rest.substr(1));
      if (other.starts_with('{') && other.ends_with('}')) other = other.substr(1, other.size() - 2);
      if (!other.empty() && other.find_first_not_of(k_letters) == std::string::npos) source["env"] = other;
    }
    if (!all.contains(name)) all[name] = std::move(source);
  }
  return all;
}

// As Kamal lays a destination over its main file: maps key by key, anything else whole.
void merge(Json& into, const Json& over) {
  if (!into.is_object() || !over.is_object()) {
    into = over;
    return;
  }
  for (const auto& [key, value] : over.items()) merge(into[key], value);
}

// What the destination says in another way.
void tell_environment(Draft& draft, const Draft& base, const Draft& there, const std::string& name) {
  for (const Finding& one : there.findings()) {
    if (const Finding* known = base.find(one.path); known != nullptr && known->value == one.value) continue;
    Path path{"environments", name};
    path.insert(path.end(), one.path.begin(), one.path.end());
    draft.say(std::move(path), one.value, one.comment);
  }
  for (const std::string& note : there.notes())
    if (std::ranges::find(base.notes(), note) == base.notes().end()) draft.note(note);
}

}  // namespace

core::Result<Json> kamal_json(const File& file) {
  BGDEPLOY_ASSIGN(const std::string text, spec::yaml_as_json(without_erb(file.text), file.name));
  BGDEPLOY_ASSIGN(Json json, core::parse_json(text, file.name));
  if (!json.is_object())
    return core::fail(core::ErrorKind::usage, file.name + " is no configuration of Kamal's");
  return json;
}

core::Result<void> read_kamal(Draft& draft, std::span<const File> files,
                              const std::vector<std::string>& hooks, std::string_view secrets) {
  const File& main = main_of(files);
  const Json sources = secrets_of(secrets);
  BGDEPLOY_ASSIGN(const Json base, parse(draft, main));
  tell_kamal(draft, base, main.name, hooks, sources);
  for (const File& file : files) {
    if (&file == &main) continue;
    const std::string name = destination_of(file.name);
    if (name.empty()) {
      draft.note(fmt::format("{}: `bgdeploy init --from` reads it, for a spec of its own", file.name));
      continue;
    }
    BGDEPLOY_ASSIGN(const Json json, parse(draft, file));
    Json whole = base;
    merge(whole, json);
    Draft own, there;
    tell_kamal(own, base, file.name, {}, sources);
    tell_kamal(there, whole, file.name, {}, sources);
    tell_environment(draft, own, there, name);
  }
  settle_variables(draft);
  return {};
}

}  // namespace bgdeploy::init
