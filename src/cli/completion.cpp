// `completion SHELL`: a script that asks this program, by `__complete`, what fits.
#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/spec/load.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "complete.hpp"
#include "known_releases.hpp"

namespace bgdeploy::cli {
namespace {

// Bash takes words apart at the characters of COMP_WORDBREAKS too, and replaces only what stands behind the
// last of them.
constexpr const char* k_bash =
    R"(# bash completion of bgdeploy: put it into ~/.local/share/bash-completion/completions/bgdeploy,
# or run: source <(bgdeploy completion bash)
_bgdeploy() {
  local line=${COMP_LINE:0:COMP_POINT} text cut
  local typed=${line##*[[:space:]]}
  cut=${typed%"${typed##*[$COMP_WORDBREAKS]}"}
  cut=${cut//[\"\']/}
  COMPREPLY=()
  while IFS=$'\t' read -r text _; do
    if [[ $text == :file ]]; then
      compopt -o default
    else
      COMPREPLY+=("${text#"$cut"}")
    fi
  done < <("${COMP_WORDS[0]/#\~\//$HOME/}" __complete -- "$line" 2>/dev/null)
}
complete -F _bgdeploy bgdeploy
)";

constexpr const char* k_zsh = R"(#compdef bgdeploy
# zsh completion of bgdeploy: put it as _bgdeploy into a folder of $fpath, or run: source <(bgdeploy completion zsh)
_bgdeploy() {
  local line text help
  local -a candidates
  while IFS=$'\t' read -r text help; do
    if [[ $text == :file ]]; then
      compset -P '--*='
      _files
      return
    fi
    candidates+=("${text//:/\\:}${help:+:$help}")
  done < <("${${(Q)words[1]}/#\~\//$HOME/}" __complete -- "${(j: :)words[1,CURRENT]}" 2>/dev/null)
  _describe bgdeploy candidates
}
if [[ $funcstack[1] == _bgdeploy ]]; then
  _bgdeploy "$@"
else
  compdef _bgdeploy bgdeploy
fi
)";

constexpr const char* k_fish =
    R"(# fish completion of bgdeploy: put it into ~/.config/fish/completions/bgdeploy.fish
function __bgdeploy_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    set -l found ($program __complete -- (commandline -cp | string collect) 2>/dev/null)
    if test "$found" = :file
        # The option itself too where the file stands in one word with it: fish drops what does not begin as typed.
        set -l option (string match -r '^(?:--[^=]*=|-[^-])' -- "$typed")
        for path in (__fish_complete_path (string replace -- "$option" '' "$typed"))
            printf '%s\n' "$option$path"
        end
    else
        printf '%s\n' $found
    end
end
complete -c bgdeploy -f -a '(__bgdeploy_complete)'
)";

// What a spec says, where it can be read: no secret is, and a variable that is not set stands for itself.
std::vector<std::string> values_of(const Completion& wanted) {
  Arguments arguments;
  arguments.file = wanted.file;
  std::vector<std::string> values;
  const auto source = read_spec(arguments);
  if (!source) return values;
  if (wanted.values == Values::environment) return spec::environment_names(*source);
  const auto spec = spec::load(*source, wanted.environment, [](std::string_view name) {
    return std::optional(variable(name).value_or(std::string(name)));
  });
  if (!spec) return values;
  if (wanted.values == Values::slot)
    for (const spec::Slot& slot : spec->slots) values.push_back(slot.name);
  const bool fronts = wanted.values == Values::any_host;
  if (wanted.values == Values::host || fronts)
    for (const spec::Host& host : spec->app_hosts) values.push_back(host.name);
  for (const spec::Host& host : fronts ? spec->proxy_hosts : std::vector<spec::Host>{})
    if (std::ranges::find(values, host.name) == values.end()) values.push_back(host.name);
  if (wanted.values == Values::release) return known_releases(*spec);
  return values;
}

}  // namespace

int run_complete(const Arguments& arguments) {
  const auto words =
      words_of_line(arguments.words.empty() ? "" : arguments.words.front(), variable("HOME").value_or("~"));
  const Completion completion = complete(std::span(words).subspan(1));
  std::string text;
  for (const Candidate& candidate : completion.candidates)
    text += candidate.help.empty() ? candidate.text + "\n"
                                   : fmt::format("{}\t{}\n", candidate.text, candidate.help);
  if (completion.values == Values::file) text += ":file\n";
  const bool asks_spec = completion.values != Values::any && completion.values != Values::file;
  for (const std::string& value : asks_spec ? values_of(completion) : std::vector<std::string>{})
    if (value.starts_with(completion.typed) && core::printable(value) == value)
      text += completion.before + value + "\n";
  print(text);
  return 0;
}

int run_completion(const Arguments& arguments) {
  print(arguments.word == "bash" ? k_bash : arguments.word == "zsh" ? k_zsh : k_fish);
  return 0;
}

}  // namespace bgdeploy::cli
