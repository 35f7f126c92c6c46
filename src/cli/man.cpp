// The man pages, in mdoc(7): bgdeploy(1) from the table of commands, bgdeploy.yml(5) from the spec's keys.
#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <sstream>

#include <fmt/format.h>

#include "bgdeploy/spec/schema.hpp"
#include "command.hpp"
#include "commands.hpp"

namespace bgdeploy::cli {
namespace {

using nlohmann::ordered_json;

// A backslash begins an escape in roff.
std::string roff_word(std::string_view word) {
  static constexpr std::pair<std::string_view, std::string_view> k_special[] = {
      {"…", "..."}, {"→", "\\(->"}, {"×", "\\(mu"}};
  std::string text;
  if (word == "--") return "\\-\\-";  // not a dash
  for (const char c : word) text += c == '\\' ? "\\e" : std::string(1, c);
  for (const auto& [from, to] : k_special)
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at))
      text.replace(at, from.size(), to);
  return text;
}

class ManPage {
public:
  void macro(std::string_view line) { m_text += fmt::format("{}\n", line); }

  // Running text: a new sentence on a new line, as mandoc wants it, and no line that roff takes for a
  // request.
  void prose(std::string_view text) {
    std::string line;
    const auto put = [&] {
      if (line.starts_with('.') || line.starts_with('\'')) line.insert(0, "\\&");
      if (!line.empty()) m_text += line + '\n';
      line.clear();
    };
    std::istringstream words{std::string(text)};
    for (std::string word; words >> word;) {
      const std::string shown = roff_word(word);
      if (!line.empty() && line.size() + 1 + shown.size() > k_width) put();
      line += (line.empty() ? "" : " ") + shown;
      if (ends_sentence(word)) put();
    }
    put();
  }

  // A macro would take its quotes, and its line apart.
  void literal(std::string_view line) {
    std::string shown = roff_word(line);
    if (const auto at = shown.find(" -- "); at != std::string::npos) shown.replace(at, 4, " \\-\\- ");
    m_text += fmt::format(".Bd -literal -offset indent -compact\n{}\n.Ed\n", shown);
  }

  const std::string& text() const { return m_text; }

private:
  static constexpr std::size_t k_width = 76;
  static bool ends_sentence(std::string_view word) {
    while (word.ends_with(')')) word.remove_suffix(1);
    return word.ends_with('.') || word.ends_with('?') || word.ends_with('!');
  }

  std::string m_text;
};

void title(ManPage& page, std::string_view name, int section, std::string_view description) {
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  page.macro(".Dd " BGDEPLOY_DATE);
  page.macro(fmt::format(".Dt {} {}", upper, section));
  page.macro(".Os");
  page.macro(".Sh NAME");
  page.macro(fmt::format(".Nm {}", name));
  page.macro(fmt::format(".Nd {}", description));
}

// ".It Fl n , Fl Fl tail Ar N"
std::string item_of(const Option& option) {
  std::string item = ".It";
  for (const std::string& spelling : spellings_of(option)) {
    if (item.size() > 3) item += " ,";
    item += spelling.starts_with("--") ? " Fl Fl " + spelling.substr(2) : " Fl " + spelling.substr(1);
  }
  return takes_value(option) ? item + " Ar " + roff_word(value_name(option)) : item;
}

void option_list(ManPage& page, const std::vector<Option>& options) {
  if (options.empty()) return;
  page.macro(".Bl -tag -width Ds");
  for (const Option& option : options) {
    page.macro(item_of(option));
    page.prose(option.help + ".");
  }
  page.macro(".El");
}

void command_section(ManPage& page, const Command& command) {
  page.macro(fmt::format(".Ss {}", command.name));
  page.prose(command.help + ".");
  option_list(page, command.options);
  if (!command.note.empty()) {
    page.macro(".Pp");
    page.prose(command.note);
  }
  page.macro(".Pp");
  for (const std::string& example : command.examples) page.literal(example);
}

std::string man_of_program() {
  ManPage page;
  title(page, "bgdeploy", 1, "put a new version of a containerised service live without losing a request");
  page.macro(".Sh SYNOPSIS\n.Nm\n.Op Fl f Ar FILE\n.Op Fl e Ar ENV\n.Op Ar options\n.Ar command\n.Op Ar ...");
  page.macro(".Sh DESCRIPTION");
  page.macro(".Nm");
  page.prose("reads a deploy spec,");
  page.macro(".Xr bgdeploy.yml 5 ,");
  page.prose(
      "starts the idle one of two containers on each app host, waits until it is healthy, makes nginx send "
      "to it, waits "
      "until nothing uses the old one, then stops it. When anything goes wrong the old version keeps "
      "serving.");
  page.macro(".Pp\nThe options that every command takes are:");
  option_list(page, global_options());
  page.macro(".Sh COMMANDS");
  for (const Command& command : commands())
    if (is_shown(command)) command_section(page, command);
  page.macro(".Sh EXIT STATUS\n.Bl -tag -width 130");
  for (const ExitCode& code : exit_codes()) {
    page.macro(fmt::format(".It {}", code.code));
    page.prose(fmt::format("{}.", code.meaning));
  }
  page.macro(".El");
  page.macro(".Sh SEE ALSO\n.Xr docker 1 ,\n.Xr bgdeploy.yml 5 ,\n.Xr ssh_config 5 ,\n.Xr nginx 8");
  return page.text();
}

// The keys of one section, and below each those of its own.
class KeyPages {
public:
  KeyPages(ManPage& page, const ordered_json& schema) : m_page(page), m_definitions(schema["$defs"]) {}

  void section(const ordered_json& keys) {
    m_page.macro(".Bl -tag -width Ds");
    for (const auto& [name, key] : keys["properties"].items()) {
      m_page.macro(fmt::format(".It Ic {}", name));
      std::string words = key.value("description", "");
      if (key.contains("default") && !key["default"].is_structured())
        words += fmt::format(" Default: {}.", text_of(key["default"]));
      m_page.prose(words);
      for (const auto& example : key.value("examples", ordered_json::array()))
        m_page.literal(name + ": " + as_yaml(example));
    }
    m_page.macro(".El");
  }

  // Each section that a key holds, as "docker.logging", with its own heading.
  void all() {
    for (const auto& [name, keys] : m_definitions.items()) {
      if (name.starts_with("environment") || !keys.contains("properties")) continue;
      m_page.macro(fmt::format(".Ss {}", name));
      section(keys);
    }
  }

private:
  static std::string text_of(const ordered_json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  }
  // "{port}" without quotes would be a map.
  static std::string as_yaml(const ordered_json& value) {
    const std::string text = text_of(value);
    return text.starts_with('{') ? value.dump() : text;
  }

  ManPage& m_page;
  const ordered_json& m_definitions;
};

std::string man_of_spec() {
  const ordered_json schema = ordered_json::parse(spec::json_schema());
  ManPage page;
  title(page, "bgdeploy.yml", 5, "deploy spec of bgdeploy");
  page.macro(".Sh DESCRIPTION");
  page.macro(".Nm\nsays what\n.Xr bgdeploy 1\ndeploys, and where.");
  page.prose(
      "It is one YAML document. Relative paths are relative to its folder. ${VAR}, ${VAR:-default} and "
      "${VAR:?message} "
      "in a value are replaced from the environment, and $$ is a dollar sign. Durations are written as "
      "500ms, 10s, 2m "
      "or 1h, sizes as 700m or 1g. Keys that are unknown are errors.");
  KeyPages keys(page, schema);
  page.macro(".Sh KEYS");
  keys.section(schema);
  page.macro(".Sh SECTIONS");
  keys.all();
  page.macro(".Sh EXAMPLES\n.Bd -literal -offset indent");
  page.macro(
      "service: shop\nimage: registry.example.com/acme/shop\nhosts: {app: [deploy@web-1]}\n"
      "slots: {blue: 8081, green: 8082}\ndocker: {container_port: 8080}\nhealth: {http: {path: /health}}\n"
      "proxy: {nginx: {include: /etc/nginx/conf.d/service-url.inc}}");
  page.macro(".Ed\n.Sh SEE ALSO\n.Xr bgdeploy 1");
  return page.text();
}

}  // namespace

int run_man(const Arguments& arguments) {
  print(arguments.word == "bgdeploy.1" ? man_of_program() : man_of_spec());
  return 0;
}

}  // namespace bgdeploy::cli
