// Kamal's main file, and those of its destinations.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/spec/document.hpp"
#include "kamal.hpp"
#include "script_words.hpp"

namespace bgdeploy::init {
namespace {

std::string base_name(std::string_view name) {
  return std::string(name.substr(name.rfind('/') + 1));
}

// Kamal's own name for it; else whichever was given.
const File& main_of(std::span<const File> files) {
  const auto found = std::ranges::find_if(files, is_main_kamal_file, &File::name);
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

// "HOST:?has to be set" of `ENV["HOST"]`, "HOST:-x" of `ENV.fetch('HOST', "x")`, `ENV.fetch("HOST") { "x" }`
// and `ENV["HOST"] || "x"`; empty where it is anything else.
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
  const bool has_default = code == "ENV.fetch(\",\")" || code == "ENV.fetch(\"){\"}" || code == "ENV[\"]||\"";
  if (!plain && !has_default) return {};
  if (texts[0].empty() || texts[0].find_first_of("${}:") != std::string::npos) return {};
  return has_default && !texts[1].contains('}') ? texts[0] + ":-" + texts[1] : texts[0] + ":?has to be set";
}

// The blocks of code that a text stands in: of their branches the first one counts.
class Blocks {
public:
  void take(std::string_view code) {
    code = core::trim(code);
    const std::string_view word = code.substr(0, code.find_first_of(" \t\n;("));
    if (begins_block(code, word))
      m_open.push_back({std::string(code), word != "case", false});
    else if (m_open.empty())
      return;
    else if (word == "else" || word == "elsif" || word == "when" || word == "in")
      next_branch(m_open.back());
    else if (word == "end")
      m_open.pop_back();
  }
  bool left_out() const { return std::ranges::any_of(m_open, &Block::left_out); }
  // The code of those that have other branches.
  const std::vector<std::string>& chosen() const { return m_chosen; }

private:
  struct Block {
    std::string code;
    bool had_one, left_out;  // a branch; and whether this one is another
  };
  void next_branch(Block& block) {
    block.left_out = std::exchange(block.had_one, true);
    if (block.left_out) add_once(m_chosen, block.code.substr(0, block.code.find('\n')));
  }
  static bool begins_block(std::string_view code, std::string_view word) {
    if (code.ends_with(" end") || code.ends_with("\nend") || code.ends_with(";end")) return false;
    constexpr std::string_view k_words[] = {"if", "unless", "case", "while", "until", "for", "begin"};
    return std::ranges::find(k_words, word) != std::end(k_words) || code.ends_with(" do") ||
           code.contains(" do |");
  }

  std::vector<Block> m_open;
  std::vector<std::string> m_chosen;
};

// Without code, whose lines go too, and with stand-ins for what code writes. `chosen`: the code of blocks of
// which the first branch alone is there.
std::string without_erb(std::string_view text, std::vector<std::string>& chosen) {
  std::string out;
  Blocks blocks;
  for (std::size_t begin = text.find("<%"); begin != std::string_view::npos; begin = text.find("<%")) {
    const std::size_t end = text.find("%>", begin);
    if (end == std::string_view::npos) break;
    if (!blocks.left_out()) out += text.substr(0, begin);
    std::string_view code = text.substr(begin + 2, end - begin - 2);
    text.remove_prefix(end + 2);
    if (code.ends_with('-')) code.remove_suffix(1);
    if (code.starts_with('-')) code.remove_prefix(1);
    blocks.take(code);
    if (code.starts_with('=')) {
      if (!blocks.left_out()) out += std::string(k_begin) + variable_of(code.substr(1)) + std::string(k_end);
      continue;
    }
    const std::size_t line = out.rfind('\n') + 1;
    if (out.find_first_not_of(" \t", line) != std::string::npos) continue;
    const std::size_t rest = text.find_first_not_of(" \t\r");
    if (rest != std::string_view::npos && text[rest] != '\n') continue;
    out.erase(line);
    text.remove_prefix(rest == std::string_view::npos ? text.size() : rest + 1);
  }
  chosen = blocks.chosen();
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
  std::vector<std::string> chosen;
  without_erb(file.text, chosen);
  if (file.text.contains("<%")) draft.note(fmt::format("{} has ERB (<% … %>), which was not run", file.name));
  for (const std::string& code : chosen)
    draft.note(fmt::format("guessed: of `{}` in {} the first branch counts", code, file.name));
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

// Those of one destination: of its own file, where it has one, and the one that all have.
Json secrets_of(std::span<const File> files, const std::string& destination) {
  const auto is_there = [&](const std::string& name) {
    return std::ranges::any_of(files, [&](const File& file) { return base_name(file.name) == name; });
  };
  const std::string own = is_there("secrets." + destination) ? "secrets." + destination : "secrets";
  std::string text;
  for (const std::string& name : {own, std::string("secrets-common")})
    for (const File& file : files)
      if (base_name(file.name) == name) text += file.text + '\n';
  return secrets_of(text);
}

}  // namespace

void merge(Json& into, const Json& over) {
  if (!into.is_object() || !over.is_object()) {
    into = over;
    return;
  }
  for (const auto& [key, value] : over.items()) merge(into[key], value);
}

bool is_main_kamal_file(std::string_view name) {
  const std::string base = base_name(name);
  return base == "deploy.yml" || base == "deploy.yaml";
}

core::Result<Json> kamal_json(const File& file) {
  std::vector<std::string> chosen;
  BGDEPLOY_ASSIGN(const std::string text, spec::yaml_as_json(without_erb(file.text, chosen), file.name));
  BGDEPLOY_ASSIGN(Json json, core::parse_json(text, file.name));
  if (!json.is_object())
    return core::fail(core::ErrorKind::usage, file.name + " is no configuration of Kamal's");
  return json;
}

core::Result<void> read_kamal(Draft& draft, std::span<const File> files,
                              const std::vector<std::string>& hooks, std::span<const File> secrets) {
  const File& main = main_of(files);
  const Json sources = secrets_of(secrets, "");
  BGDEPLOY_ASSIGN(const Json base, parse(draft, main));
  tell_kamal(draft, base, main.name, hooks, sources);
  if (const std::string name = destination_of(main.name); !name.empty())
    draft.note(
        fmt::format("guessed: {} says where every deploy goes, also one without `-e {}`: the main file of "
                    "Kamal's was not read",
                    main.name, name));
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
    tell_kamal(there, whole, file.name, {}, secrets_of(secrets, name));
    tell_environment(draft, own, there, name);
  }
  settle_variables(draft);
  return {};
}

}  // namespace bgdeploy::init
