// nginx's configuration as a tree of directives, read from what `nginx -T` prints: pure.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::proxy {

struct Directive {
  std::string name;
  std::vector<std::string> args;  // without quotes and escapes, as nginx takes them apart
  std::string raw;                // of a `…_by_lua_block`: the text between its braces
  int line = 0;                   // from 1
  std::vector<Directive> block;
};

// The directives of one file. Accepts any text: what nginx would refuse is read as far as possible.
// Rules: ngx_conf_read_token in nginx's src/core/ngx_conf_file.c.
std::vector<Directive> parse_directives(std::string_view text);

// `text` as one word of nginx's configuration: in quotes where it needs them.
std::string word(const std::string& text);

class NginxConfig {
public:
  // A dump has a line "# configuration file PATH:" and the text for each file. Text before the first such
  // line is ignored. The first file is the main one.
  static NginxConfig from_dump(std::string_view dump);

  // Reads `path` as `text` from now on, whether the dump has it or not.
  void overlay(const std::string& path, std::string_view text);
  void remove(const std::string& path) { m_files.erase(path); }

  bool empty() const { return m_files.empty(); }
  const std::string& main() const { return m_main; }
  bool has(const std::string& path) const { return m_files.contains(path); }
  std::vector<std::string> paths() const;
  const std::vector<Directive>& file(const std::string& path) const;

  // The files that an `include PATTERN` reads, in nginx's order: relative to the main file's folder.
  std::vector<std::string> included(const std::string& pattern) const;
  // Whether it reads `path`, which need not exist.
  bool includes(const std::string& pattern, const std::string& path) const;
  // Whether nginx may read more, if the configuration was put together from the files beside the main one.
  bool may_miss(const std::string& pattern) const;

private:
  std::string folder() const { return m_main.substr(0, m_main.rfind('/') + 1); }
  std::string absolute(const std::string& pattern) const;

  std::string m_main;
  std::map<std::string, std::vector<Directive>> m_files;
};

}  // namespace bgdeploy::proxy
