// A user's own regular expression, in the syntax that nginx has them in (PCRE).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bgdeploy/core/error.hpp"

namespace bgdeploy::core {

class Regex {
public:
  // Kind usage, with PCRE's words and the place in the expression.
  static Result<Regex> compile(std::string_view expression);

  // How many groups it has.
  int groups() const;
  // The number of the group with that name.
  std::optional<int> group(const std::string& name) const;
  // What group number `group` matched; nothing where the expression or the group did not match, or where
  // finding that out takes too many steps.
  std::optional<std::string_view> match(std::string_view text, int group) const;

private:
  struct Code;
  explicit Regex(std::shared_ptr<const Code> code) : m_code(std::move(code)) {}
  std::shared_ptr<const Code> m_code;
};

}  // namespace bgdeploy::core
