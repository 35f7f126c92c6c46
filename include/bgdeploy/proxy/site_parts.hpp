// The parts of nginx's configuration that a spec needs and a deploy does not write: the site, and before a
// first deploy the file that it includes. Their text is pure; putting them on a host is one transaction a
// proxy.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/host/host.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::proxy {

struct SiteWish {
  // Each one or, as in nginx, several between blanks. Empty: those of the site that is there, else what the
  // spec says, else any.
  std::vector<std::string> server_names;
  std::string path;  // of the site, as nginx sees it; empty: /etc/nginx/conf.d/SERVICE-site.conf
};

struct SitePart {
  std::string path;  // as nginx sees it; of `sites` as the spec has it, with its placeholders filled in
  std::string text;
  enum class Kind {
    site,     // what nginx reads
    source,   // one of `sites`: a deploy copies it to where nginx reads it
    include,  // what a deploy writes: only to be there before the first one
  };
  Kind kind = Kind::site;
};

// For the proxy that `slots` is of: by slot where it sends requests. With `proxy: none` the backends that
// nginx is to list. Kind usage: a worker has no site; only the user knows what uses the template.
core::Result<std::vector<SitePart>> site_parts(const spec::Spec& spec,
                                               const std::array<plan::Routing, 2>& slots,
                                               const SiteWish& wish);

// Whether the text is one of ours for that service, as it was written.
bool is_unchanged_part(std::string_view text, const std::string& service);

// The names that the site is asked for; "_" where the spec says none.
std::string server_name_of(const spec::Spec& spec, const SiteWish& wish);

// The names that lead to a site that is there.
std::vector<std::string> server_names_in(std::string_view text);

// What nginx on a host says of the site.
struct SiteFound {
  bool used = false;                     // one uses what a deploy writes
  std::optional<core::Error> problem{};  // as `check` tells it; where there is no site, why none may be added
};
// By what nginx reads. `parts` are those that would be added. Kind refused: it could not be looked at.
core::Result<SiteFound> find_site(host::Host& host, const spec::Spec& spec,
                                  const std::array<plan::Routing, 2>& slots,
                                  const std::vector<SitePart>& parts, const core::Wait& wait);

struct WrittenPart {
  std::string path;  // on the host
  std::string what;  // "created", "replaced", "there already"
};

// What is put on one proxy host. Destroyed before commit(), it puts everything back.
class SiteTransaction {
public:
  virtual ~SiteTransaction() = default;
  // The new files in force. On an error the old ones are.
  virtual core::Result<void> commit(const core::Wait& wait) = 0;
  virtual core::Result<void> restore(const core::Wait& wait) = 0;
  virtual core::Result<void> accept(const core::Wait& wait) = 0;
  virtual const std::vector<WrittenPart>& parts() const = 0;
  // What its server_name is.
  virtual const std::string& names() const = 0;
};

// Stages the parts. Kinds: usage (a file would be overwritten that is not ours as it was written, and `force`
// is not set), refused (also where another site would lose requests to it).
core::Result<std::unique_ptr<SiteTransaction>> stage_site(host::Host& host, const spec::Spec& spec,
                                                          const std::array<plan::Routing, 2>& slots,
                                                          const SiteWish& wish, bool force,
                                                          const core::Wait& wait);

}  // namespace bgdeploy::proxy
