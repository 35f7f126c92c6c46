#include "bgdeploy/core/substitute.hpp"

#include <algorithm>

namespace bgdeploy::core {

std::string substitute(std::string_view text, const std::map<std::string, std::string, std::less<>>& values) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = std::min(text.find('{', at), text.size());
    result += text.substr(at, open - at);
    at = open;
    if (at == text.size()) break;
    const std::size_t close = text.find_first_of("{}", at + 1);
    const bool closed = close != std::string_view::npos && text[close] == '}';
    const auto value = closed ? values.find(text.substr(at + 1, close - at - 1)) : values.end();
    if (value != values.end()) {
      result += value->second;
      at = close + 1;
    } else {
      result += text[at++];
    }
  }
  return result;
}

}  // namespace bgdeploy::core
