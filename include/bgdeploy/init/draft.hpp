// What readers found out about a service, each thing with its reason, and the spec that is written from it:
// pure.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/spec/load.hpp"

namespace bgdeploy::init {

using core::Json;

// Where a key stands in the spec: {"docker", "environment", "TZ"}.
using Path = std::vector<std::string>;

struct Finding {
  Path path;
  Json value;  // texts as the spec has them: what is taken literally went through spec::without_substitutions
  std::string comment{};  // what stands behind it
};

class Draft {
public:
  // Of several that speak of one key the first one counts. So the better source is read first.
  void say(Path path, Json value, std::string comment = {});
  // The same where the source does not really say it.
  void guess(Path path, Json value, std::string_view because);
  // A stand-in with which the spec loads; `what`: what has to stand there.
  void fill_in(Path path, Json value, std::string_view what);
  // What the spec cannot say, or what nobody knows how to: told as a comment, once.
  void note(std::string text);
  // The same of a file that makes no sense, which whoever asks should know at once.
  void refuse(std::string text);
  void read_from(std::string source);
  // "/srv/inc:/etc/nginx/inc": what nginx's container sees of the host. It is not written; later readers tell
  // by it what the include is called there.
  void mount(std::string volume);

  // Whether something is known of the key, or of one below it.
  bool has(const Path& path) const;
  const Finding* find(const Path& path) const;
  // The text of that key, empty where it has none.
  std::string text(const Path& path) const;
  // Another value for a key that is there, at its place.
  void change(const Path& path, Json value, std::string comment);
  // Forgets the key, and all below it.
  void drop(const Path& path);

  const std::vector<Finding>& findings() const { return m_findings; }
  const std::vector<std::string>& notes() const { return m_notes; }
  const std::vector<std::string>& sources() const { return m_sources; }
  const std::vector<std::string>& refused() const { return m_refused; }
  const std::vector<std::string>& mounts() const { return m_mounts; }
  // The keys that have a stand-in.
  std::vector<std::string> gaps() const;

private:
  std::vector<Finding> m_findings;
  std::vector<std::string> m_notes, m_sources, m_refused, m_mounts;
};

// Adds what a spec needs and no source said, so that it loads. `folder`: the name of the folder that it
// stands in.
void complete(Draft& draft, const std::string& folder);

// For loading what was written: a variable that it requires, as ${NAME:?…}, is set where a deploy runs, and
// not yet here.
spec::Environment with_required(std::string_view text, spec::Environment variables);

// The variables that are not set: `required` by the file, as ${NAME:?…}, and those that secrets are read
// from.
struct Unset {
  std::vector<std::string> required, secrets;
  bool operator==(const Unset&) const = default;
};
Unset unset_variables(const Draft& draft, const spec::Environment& variables);

// As bgdeploy.yml, with comments.
std::string write(const Draft& draft);

}  // namespace bgdeploy::init
