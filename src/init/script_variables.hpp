// The variables of scripts. One that gets two values gets them in two branches, one a slot.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/init/readers.hpp"

namespace bgdeploy::init {

class ScriptVariables {
public:
  // `known`: what `.env` sets.
  explicit ScriptVariables(const Variables& known) : m_known(known) {}
  void assign(const std::string& name, std::string value);

  // With the values of its variables. A secret stays a reference, wherever it is assigned.
  std::string resolve(std::string_view text, std::size_t branch, int depth = 0) const;
  // Nothing for a secret.
  const std::string* value_of(std::string_view name, std::size_t branch) const;
  // "NAME=value" for a container.
  Setting setting_of(const std::string& text, std::size_t branch) const;

private:
  // The first variable of a resolved text that stands for a secret.
  std::string secret_in(std::string_view text) const;

  const Variables& m_known;
  std::map<std::string, std::vector<std::string>, std::less<>> m_values;
};

// What nobody here sets, as "{SERVER_IP}" or "${{ secrets.HOST }}", becomes a variable with a stand-in.
std::string with_stand_ins(std::string text, std::string_view stand_in, bool& filled);

}  // namespace bgdeploy::init
