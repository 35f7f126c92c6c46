// The functions that a script defines, as far as they ask for something.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::init {

class ShellFunctions {
public:
  using Words = std::vector<std::string>;

  // From what parse_script() made: "is_up() { curl …; }", "function is_up { … }".
  explicit ShellFunctions(const std::vector<Words>& commands);

  // The commands of the function that `commands[at]` calls, of a long one the first; none where it calls
  // none.
  std::vector<Words> called_by(const std::vector<Words>& commands, std::size_t at) const;

private:
  struct Function {
    std::size_t begin, end;  // of the commands, with its name's
    bool braced;             // the body begins behind the name: "function is_up { curl …"
  };
  std::map<std::string, Function, std::less<>> m_functions;
};

// `text` with $1 … $9 as the words behind the function's name have them.
std::string with_arguments(std::string_view text, std::span<const std::string> arguments);

// Where the command's own words begin: behind "sudo", "if", "{" and the like.
std::size_t first_word(const std::vector<std::string>& words);

}  // namespace bgdeploy::init
