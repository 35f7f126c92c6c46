// The site on one proxy host: the files that nothing reads yet are written first, then the one that nginx
// reads goes through the switch.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/proxy/nginx.hpp"
#include "bgdeploy/proxy/site_parts.hpp"
#include "look.hpp"
#include "script.hpp"
#include "scripts.hpp"
#include "switch.hpp"

namespace bgdeploy::proxy {
namespace {

using core::ErrorKind;
using core::Result;

// Undoing must work when the deadline that it follows has passed.
constexpr core::Duration k_files_back_within = std::chrono::minutes(1);

Result<Observation> look_on(host::Host& host, const spec::Spec& spec, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto output,
                  host.run(script_command(settings_for(host, spec), scripts::k_observe), wait));
  auto observed = parse_observation(output);
  if (!observed) return std::unexpected(std::move(observed).error().within(host.name()));
  return observed;
}

class Transaction final : public SiteTransaction {
public:
  Transaction(host::Host& host, const spec::Spec& spec) : m_host(host), m_spec(spec) {}
  ~Transaction() override {
    m_switch.reset();
    if (!m_stay) static_cast<void>(take_files_back());
  }

  Result<void> stage(const std::array<Routing, 2>& slots, SiteWish wish, bool force, const Wait& wait) {
    BGDEPLOY_ASSIGN(const Observation own, look(m_spec, wait));
    BGDEPLOY_ASSIGN(auto parts, site_parts(m_spec, slots, wish));
    spec::Spec switched = m_spec;
    Observation site = own;
    if (!m_spec.nginx.sites) {
      switched.nginx.include = parts.back().path;
      BGDEPLOY_ASSIGN(site, look(switched, wait));
      if (site.unfinished) {
        // Of a run that died: nobody knows that it was done.
        BGDEPLOY_TRY(nginx_on(m_host, switched)->recover(false, wait));
        BGDEPLOY_ASSIGN(site, look(switched, wait));
      }
    }
    if (wish.server_names.empty()) {
      wish.server_names = names_there(site);
      BGDEPLOY_ASSIGN(parts, site_parts(m_spec, slots, wish));
    }
    m_names = server_name_of(m_spec, wish);
    std::optional<std::size_t> live;
    std::string content;
    bool changes = false;
    // Whatever may not be overwritten is found before anything is written.
    std::vector<std::pair<Found, const SitePart*>> files;
    for (const SitePart& part : parts) {
      if (part.kind == SitePart::Kind::include) {
        BGDEPLOY_TRY(need_folder(own));
        note(own.file, own.file.there() ? "there already" : "created");
        if (own.file.there()) continue;
        files.emplace_back(own.file, &part);
      } else if (part.kind == SitePart::Kind::source) {
        const std::size_t slot = &part - parts.data();
        const Found& from = own.sites.at(slot).from;
        BGDEPLOY_ASSIGN(const bool differs, may_write(from, part, force));
        if (differs) files.emplace_back(from, &part);
        changes = changes || differs || !own.file.there();
        if (own.sites[slot].to.there()) live = slot;
      } else {
        BGDEPLOY_TRY(need_folder(site));
        BGDEPLOY_ASSIGN(changes, may_write(site.file, part, force));
        content = part.text;
      }
    }
    if (changes) {
      const SitePart& read = parts.at(m_spec.nginx.sites ? live.value_or(0) : parts.size() - 1);
      const Subject subject{m_spec, m_host.name(), m_host.address(), slots};
      if (auto harm = harm_to_others(subject, own, names_of(site, read), read.text))
        return std::unexpected(std::move(*harm).within(m_host.name()));
    }
    for (const auto& [file, part] : files) BGDEPLOY_TRY(write(file, part->text, wait));
    if (!changes) return {};
    BGDEPLOY_ASSIGN(auto process,
                    m_host.start(script_command(settings_for(m_host, switched), scripts::k_switch), wait));
    (void)process->write(order_to_stage(live.value_or(0), "", content));
    Conversation conversation(std::move(process));
    if (auto staged = conversation.answer("staged", wait); !staged)
      return std::unexpected(std::move(staged).error().within(m_host.name()));
    m_switch = make_switch(std::move(conversation), {}, {});
    return {};
  }

  Result<void> commit(const Wait& wait) override {
    if (!m_switch) return {};
    auto committed = m_switch->commit(wait);
    if (committed) return {};
    m_switch.reset();
    keep_if_read(committed);
    return std::unexpected(std::move(committed).error().within(m_host.name()));
  }

  Result<void> restore(const Wait& wait) override {
    if (m_switch) {
      auto restored = m_switch->restore(wait);
      keep_if_read(restored);
      BGDEPLOY_TRY(restored);
    }
    m_switch.reset();
    return take_files_back();
  }

  Result<void> accept(const Wait& wait) override {
    // Before it answers: nginx reads the files already.
    m_stay = true;
    return m_switch ? m_switch->accept(wait) : Result<void>();
  }

  const std::vector<WrittenPart>& parts() const override { return m_parts; }
  const std::string& names() const override { return m_names; }

private:
  struct Before {
    std::string path;
    std::optional<std::string> content;
  };

  Result<Observation> look(const spec::Spec& spec, const Wait& wait) { return look_on(m_host, spec, wait); }

  // They lead to it until somebody says otherwise.
  std::vector<std::string> names_there(const Observation& site) const {
    if (!m_spec.nginx.sites) return server_names_in(site.file.content);
    auto names = server_names_in(site.sites[0].from.content);
    return names.empty() ? server_names_in(site.sites[1].from.content) : names;
  }

  // Under which nginx reads the site, or would.
  std::vector<std::string> names_of(const Observation& site, const SitePart& part) const {
    std::vector<std::string> names = {part.path, site.file.path, site.read_as};
    if (m_spec.nginx.sites) names = {site.sites[0].to.path, site.sites[1].to.path, site.read_as};
    std::erase(names, "");
    return names;
  }

  Result<void> need_folder(const Observation& observed) const {
    const auto folder = observed.file.path.substr(0, observed.file.path.rfind('/'));
    if (observed.folder == "missing")
      return core::fail(ErrorKind::refused,
                        fmt::format("the folder {} does not exist on {}", folder, m_host.name()), {},
                        fmt::format("create it: sudo install -d -o {} {}", observed.user, folder));
    if (observed.folder != "writable")
      return core::fail(
          ErrorKind::refused,
          fmt::format("{} may not write in {} on {}", observed.user, folder, m_host.name()), {},
          "let `bgdeploy setup` put it there, set ssh.sudo: true, or write what `bgdeploy site` prints");
    return {};
  }

  // Whether there is something to write.
  Result<bool> may_write(const Found& file, const SitePart& part, bool force) {
    const bool same = file.state == "file" && file.content == part.text;
    if (file.there() && !same && !force &&
        !(file.state == "file" && is_unchanged_part(file.content, m_spec.service)))
      return core::fail(ErrorKind::usage,
                        fmt::format("{} on {} is not as `bgdeploy site` wrote it, and stays as it is",
                                    file.path, m_host.name()),
                        {}, "--force replaces it; `bgdeploy site` prints what it would become");
    note(file, same ? "there already" : file.there() ? "replaced" : "created");
    return !same;
  }

  void note(const Found& file, std::string what) { m_parts.push_back({file.path, std::move(what)}); }

  // A site that could not be taken away may still include the files: without them nginx would not start.
  void keep_if_read(const Result<void>& done) {
    if (!done && done.error().kind == ErrorKind::inconsistent) m_stay = true;
  }

  Result<void> write(const Found& file, const std::string& text, const Wait& wait) {
    m_before.push_back({file.path, file.there() ? std::optional(file.content) : std::nullopt});
    return m_host.write_file(file.path, text, {}, wait);
  }

  Result<void> take_files_back() {
    const auto wait = Wait::for_at_most(k_files_back_within);
    Result<void> done;
    for (; !m_before.empty(); m_before.pop_back())
      if (auto back = take_back(m_before.back(), wait); !back) done = std::move(back);
    return done;
  }
  Result<void> take_back(const Before& before, const Wait& wait) {
    if (before.content) return m_host.write_file(before.path, *before.content, {}, wait);
    BGDEPLOY_TRY(m_host.run({{"rm", "-f", "--", before.path}, host::Tool::other, {}}, wait));
    return {};
  }

  host::Host& m_host;
  const spec::Spec m_spec;
  std::string m_names;
  std::vector<WrittenPart> m_parts;
  std::vector<Before> m_before;
  std::unique_ptr<Switch> m_switch;
  bool m_stay = false;  // the files
};

}  // namespace

Result<SiteFound> find_site(host::Host& host, const spec::Spec& spec,
                            const std::array<plan::Routing, 2>& slots, const std::vector<SitePart>& parts,
                            const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto observed, look_on(host, spec, wait));
  return site_found({spec, host.name(), host.address(), slots}, observed, parts);
}

Result<std::unique_ptr<SiteTransaction>> stage_site(host::Host& host, const spec::Spec& spec,
                                                    const std::array<plan::Routing, 2>& slots,
                                                    const SiteWish& wish, bool force, const Wait& wait) {
  auto transaction = std::make_unique<Transaction>(host, spec);
  BGDEPLOY_TRY(transaction->stage(slots, wish, force, wait));
  return transaction;
}

}  // namespace bgdeploy::proxy
