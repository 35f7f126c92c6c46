#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/printable_json.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/utf8.hpp"

namespace bgdeploy::core {
namespace {

// They make text read otherwise than it is: https://trojansource.codes
bool turns_text(char32_t code) {
  return code == 0x061C || code == 0x200E || code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

// Commands of Azure Pipelines and, in its older form, GitHub Actions.
bool begins_command(std::string_view text) {
  return text.starts_with("##[") || text.starts_with("##vso[");
}

// A command of GitHub Actions, where nothing but blanks stands before it on its line.
bool begins_workflow_command(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return text.size() > 2 && text.starts_with("::") && is_letter(text[2]);
}

// What stands for the first character of the text.
std::string visible(std::string_view text, std::size_t length, bool keep_newlines) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (length == 0) return "\uFFFD";
  // U+0080 to U+009F are control characters too: on some terminals U+009B starts an escape sequence.
  const bool c1 = length == 2 && first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
  const bool control = (length == 1 && (first < 0x20 || first == 0x7F)) || c1;
  const bool kept = first == '\t' || (first == '\n' && keep_newlines);
  if (control && !kept) return fmt::format("\\x{:02x}", static_cast<unsigned char>(text[length - 1]));
  const char32_t code = length > 1 ? code_point(text.substr(0, length)) : first;
  if (turns_text(code)) return fmt::format("\\u{:04x}", static_cast<unsigned>(code));
  return std::string(text.substr(0, length));
}

}  // namespace

std::string printable(std::string_view text, bool keep_newlines) {
  std::string safe;
  safe.reserve(text.size());
  bool blank_so_far = true;  // on this line
  while (!text.empty()) {
    std::size_t length = utf8_length(text);
    if (begins_command(text)) {
      safe += "#\\x23";
      length = 2;
    } else if (blank_so_far && begins_workflow_command(text)) {
      safe += "\\x3a:";
      length = 2;
    } else {
      safe += visible(text, length, keep_newlines);
    }
    blank_so_far = text[0] == '\n' || (blank_so_far && (text[0] == ' ' || text[0] == '\t'));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return safe;
}

// All of that stands within its strings; what JSON itself forbids there is escaped already.
std::string printable_json(std::string_view document) {
  std::string safe;
  safe.reserve(document.size());
  while (!document.empty()) {
    const std::size_t length = std::max<std::size_t>(utf8_length(document), 1);
    if (begins_command(document)) {
      safe += "#\\u0023";
      document.remove_prefix(2);
      continue;
    }
    const std::string_view character = document.substr(0, length);
    const char32_t code = length > 1 ? code_point(character) : static_cast<unsigned char>(character[0]);
    if (code == 0x7F || (length > 1 && code < 0xA0) || (length > 1 && turns_text(code)))
      safe += fmt::format("\\u{:04x}", static_cast<unsigned>(code));
    else
      safe += character;
    document.remove_prefix(length);
  }
  return safe;
}

}  // namespace bgdeploy::core
